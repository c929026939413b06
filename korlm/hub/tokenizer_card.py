"""The body of a tokenizer's card: what it is, how to use it, how it cuts a sentence.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> "아│버│지│가" in render_tokenizer_card(load_tokenizer("syllable"), "mine", "user/mine")
True
"""

from __future__ import annotations

from korlm.evaluation.compare import format_segments
from korlm.i18n import localize
from korlm.reporting.markdown import (
    bilingual_page,
    card_section,
    card_table,
    code_block,
    install_command,
    tokenizer_label,
)
from korlm.tokenizers.base import Tokenizer

_SAMPLE_SENTENCE = "아버지가 방에 들어가셨다 ㅋㅋ"


def render_tokenizer_card(tokenizer: Tokenizer, title: str, address: str) -> str:
    """Return the body in Korean and English.

    Args:
        tokenizer: the tokenizer.
        title: what it is called.
        address: what `korlm.load_tokenizer` takes to open it.

    Raises:
        MissingDependencyError: its analyzer is not installed.
    """
    cut = format_segments(tokenizer.encode(_SAMPLE_SENTENCE).tokens)
    code = "\n".join([
        "import korlm",
        "",
        f'tokenizer = korlm.load_tokenizer("{address}")',
        f'encoding = tokenizer.encode("{_SAMPLE_SENTENCE}")',
        "print(encoding.pieces, encoding.ids)",
        "print(tokenizer.decode(encoding.ids))",
    ])  # fmt: skip

    def render_page(language: str) -> str:
        about = localize(
            "한국어 글을 조각으로 자르는 `korlm` 토크나이저입니다.",
            "A tokenizer of `korlm`, which cuts Korean text into pieces.",
            language=language,
        )
        use = [code_block(install_command(address, tokenizer.name), "bash"), code_block(code, "python")]
        return "\n\n".join([
            about,
            card_table(_tokenizer_rows(tokenizer, language), language),
            card_section(("쓰는 법", "How to use it"), *use, language=language),
            card_section(("이렇게 자릅니다", "How it cuts"), code_block(f"{_SAMPLE_SENTENCE}\n{cut}"), language=language),
        ])  # fmt: skip

    return bilingual_page(title, render_page)


def _tokenizer_rows(tokenizer: Tokenizer, language: str) -> list[tuple[str, str]]:
    lossless = localize(
        "무손실: `decode(encode(글).ids) == 글`", "lossless: `decode(encode(text).ids) == text`", language=language
    )
    lossy = localize("손실: `<unk>` 하나로 바꿈", "lossy: becomes one `<unk>`", language=language)
    return [
        (localize("토크나이저", "tokenizer", language=language), tokenizer_label(tokenizer, language)),
        (
            localize("어휘에 없는 것", "what it lacks", language=language),
            lossless if tokenizer.on_unknown == "fallback" else lossy,
        ),
        (localize("서명", "signature", language=language), f"`{tokenizer.signature}`"),
    ]
