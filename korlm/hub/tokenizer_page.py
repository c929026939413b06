"""The body of a tokenizer's card: what it is, how to use it, how it cuts a sentence.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> "아│버│지│가" in tokenizer_page(load_tokenizer("syllable"), "mine", "user/mine")
True
"""

from __future__ import annotations

from korlm.comparison.table import show
from korlm.hub.pages import both, cut_by, fence, install, section, table
from korlm.language import pick
from korlm.tokenizers.base import Tokenizer

_SENTENCE = "아버지가 방에 들어가셨다 ㅋㅋ"


def tokenizer_page(tokenizer: Tokenizer, title: str, where: str) -> str:
    """Return the body in Korean and English.

    Args:
        tokenizer: the tokenizer.
        title: what it is called.
        where: what `korlm.load_tokenizer` takes to open it.

    Raises:
        MissingDependencyError: its analyzer is not installed.
    """
    cut = show(tokenizer.encode(_SENTENCE).pieces)
    code = "\n".join([
        "import korlm",
        "",
        f'tokenizer = korlm.load_tokenizer("{where}")',
        f'encoding = tokenizer.encode("{_SENTENCE}")',
        "print(encoding.pieces, encoding.ids)",
        "print(tokenizer.decode(encoding.ids))",
    ])  # fmt: skip

    def page(language: str) -> str:
        about = pick(
            "한국어 글을 조각으로 자르는 `korlm` 토크나이저입니다.",
            "A tokenizer of `korlm`, which cuts Korean text into pieces.",
            language=language,
        )
        use = [fence(install(where, tokenizer.name), "bash"), fence(code, "python")]
        return "\n\n".join([
            about,
            table(_rows(tokenizer, language), language),
            section(("쓰는 법", "How to use it"), *use, language=language),
            section(("이렇게 자릅니다", "How it cuts"), fence(f"{_SENTENCE}\n{cut}"), language=language),
        ])  # fmt: skip

    return both(title, page)


def _rows(tokenizer: Tokenizer, language: str) -> list[tuple[str, str]]:
    lossless = pick(
        "무손실: `decode(encode(글).ids) == 글`", "lossless: `decode(encode(text).ids) == text`", language=language
    )
    lossy = pick("손실: `<unk>` 하나로 바꿈", "lossy: becomes one `<unk>`", language=language)
    return [
        (pick("토크나이저", "tokenizer", language=language), cut_by(tokenizer, language)),
        (
            pick("어휘에 없는 것", "what it lacks", language=language),
            lossless if tokenizer.on_unknown == "fallback" else lossy,
        ),
        (pick("서명", "signature", language=language), f"`{tokenizer.signature}`"),
    ]
