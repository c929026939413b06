"""The body of a model's card: what it is, how to use it, its figures, how it was made, what it writes, its failings.

print(render_model_card(lm, "law", "user/law", corpus_facts(lm.info)))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from korlm.corpora.dataset_info import DatasetInfo
from korlm.i18n import localize
from korlm.models.base import PretrainedModel
from korlm.models.language_model import LanguageModel
from korlm.reporting.markdown import (
    bilingual_page,
    card_section,
    card_table,
    code_block,
    install_command,
    tokenizer_label,
    unit_label,
)

_SAMPLE_TOKENS = 40  # in a sample


class CardSample(NamedTuple):
    """What the model wrote after a prompt."""

    prompt: str
    text: str
    seed: int | None


def render_model_card(lm: LanguageModel, title: str, address: str, facts: DatasetInfo) -> str:
    """Return the body in Korean and English.

    Args:
        lm: the model.
        title: what it is called.
        address: what `korlm.load_model` takes to open it.
        facts: what is known of its corpus.

    Raises:
        MissingDependencyError: its analyzer is not installed.
    """
    samples = collect_samples(lm, facts)

    def render_page(language: str) -> str:
        cell = lm.net.config.cell.upper()
        about = localize(
            f"한국어 글을 {unit_label(lm.tokenizer, 'ko')} 단위로 이어 쓰는 작은 {cell} 언어 모델입니다. `korlm`으로 배우고 엽니다.",
            f"A small {cell} language model that continues Korean text, by {unit_label(lm.tokenizer, 'en')}. "
            "Trained and opened with `korlm`.",
            language=language,
        )
        return "\n\n".join([
            about,
            card_table(model_rows(lm, facts, language), language),
            _usage_section(lm, address, facts, language),
            results_section(lm.info, language),
            training_section(lm.info, facts, language),
            _samples_section(samples, language),
            _limitations_section(lm, facts, language),
        ])  # fmt: skip

    return bilingual_page(title, render_page)


def collect_samples(lm: LanguageModel, facts: DatasetInfo) -> list[CardSample]:
    """Return the samples that the build information keeps, or new ones with the seeds 1, 2, 3.

    Example:
        >>> import korlm
        >>> [sample.seed for sample in collect_samples(korlm.load_model("reviews-syllable-lstm"), DatasetInfo("x", "x", "x"))]
        [1, 2, 3]
    """
    if kept := lm.info.get("samples"):
        return [CardSample(str(one.get("prompt", "")), str(one["text"]), one.get("seed")) for one in kept]
    begun = enumerate(facts.prompts, 1)
    return [
        CardSample(prompt, lm.generate(prompt, seed=seed, max_tokens=_SAMPLE_TOKENS), seed) for seed, prompt in begun
    ]


def model_rows(lm: PretrainedModel[Any], facts: DatasetInfo, language: str) -> list[tuple[str, str]]:
    """Return what a model is, in names and values."""
    net = lm.net.config
    shape = localize(
        f"{net.cell.upper()}, {net.layers}층 × {net.hidden}, 임베딩 {net.embedding}",
        f"{net.cell.upper()}, {net.layers} × {net.hidden}, embedding {net.embedding}",
        language=language,
    )
    found = [
        (localize("셀", "cell", language=language), shape),
        (localize("매개변수", "parameters", language=language), f"{lm.parameters:,}"),
        (localize("토크나이저", "tokenizer", language=language), tokenizer_label(lm.tokenizer, language)),
    ]
    if "corpus" in lm.info:
        found.append(
            (localize("배운 글", "learnt from", language=language), localize(facts.ko, facts.en, language=language))
        )
    if bits := lm.info.get("test", {}).get("bits_per_character"):
        found.append(
            (localize("글자당 비트 (test)", "bits per character (test)", language=language), f"**{bits:.3f}**")
        )
    return found


def _usage_section(lm: LanguageModel, address: str, facts: DatasetInfo, language: str) -> str:
    prompt = facts.prompts[0] or "오늘은"
    code = "\n".join([
        "import korlm",
        "",
        f'lm = korlm.load_model("{address}")',
        f'print(lm.generate("{prompt}", seed=1))',
        f'print(lm.score(["{prompt}"]).bits_per_character)',
    ])  # fmt: skip
    shell = f'{install_command(address, lm.tokenizer.name)}\nkorlm generate {address} "{prompt}"'
    return card_section(
        ("쓰는 법", "How to use it"), code_block(code, "python"), code_block(shell, "bash"), language=language
    )


def results_section(info: dict[str, Any], language: str) -> str:
    """Return what was measured, as a section."""
    said = localize(
        "글자당 비트는 원래 글의 부호 길이를 글자 수(줄 끝 하나를 한 글자로 셈)로 나눈 것입니다. 낮을수록 좋고, 같은 글에서 잰 "
        "것이면 토크나이저가 다른 모델끼리도 견줄 수 있습니다. 한 가지로 자른 것만 세므로 위쪽 한계입니다.",
        "Bits per character are the code length of the raw text over its characters (a line end counts as one). Lower is "
        "better; on the same text they compare across tokenizers. One way of cutting is counted, so it is an upper bound.",
        language=language,
    )
    heading = "잰 값", "Figures"
    if test := info.get("test"):
        value = f"{test['bits_per_character']:.4f}"
        names = (
            ("글자당 비트 (test)", "글자 수", "서명")
            if language == "ko"
            else ("bits per character (test)", "characters", "signature")
        )
        cells = [f"**{value}**", f"{test.get('characters', 0):,}", f"`{test.get('signature', '?')}`"]
        return card_section(
            heading, said, card_table(list(zip(names, cells, strict=True)), language), language=language
        )
    valid = [entry["valid_bpc"] for entry in info.get("history", []) if "valid_bpc" in entry]
    if not valid:
        return card_section(
            heading, localize("재지 않았습니다.", "It was not measured.", language=language), language=language
        )
    best = localize(f"검증 줄에서 {min(valid):.4f}", f"On validation lines: {min(valid):.4f}", language=language)
    return card_section(heading, said, f"{best}.", language=language)


def training_section(info: dict[str, Any], facts: DatasetInfo, language: str) -> str:
    """Return how it was made, as a section."""
    corpus, learning, progress = (info.get(key, {}) for key in ("corpus", "training", "progress"))
    values: list[tuple[str, str]] = []

    def add_row(ko: str, en: str, value: str) -> None:
        if value:
            values.append((localize(ko, en, language=language), value))

    add_row("말뭉치", "corpus", localize(facts.ko, facts.en, language=language) if corpus else "")
    lines = corpus.get("train_lines")
    pairs = corpus.get("train_pairs")
    add_row("학습한 줄", "training lines", f"{lines:,}" if lines else "")
    add_row("학습한 문답", "training pairs", f"{pairs:,}" if pairs else "")
    add_row("글의 SHA-256", "SHA-256 of the text", f"`{corpus['sha256']}`" if "sha256" in corpus else "")
    minutes = f"{progress.get('seconds', 0) / 60:.0f}"
    steps = localize(
        f"{progress.get('step', 0):,}걸음, {minutes}분",
        f"{progress.get('step', 0):,} steps, {minutes} min",
        language=language,
    )
    add_row("길이", "length", steps if progress else "")
    add_row("씨앗", "seed", str(learning.get("seed", "")))
    add_row("기계", "machine", str(info.get("machine", "")))
    add_row("판", "versions", ", ".join(f"{name} {number}" for name, number in info.get("versions", {}).items()))
    add_row("만든 때", "made", str(info.get("made", "")))
    add_row("덧붙임", "note", str(info.get("note", "")))
    commands = _training_commands(info, language)
    command = code_block("\n".join(commands), "bash") if commands else ""
    known = values or command
    unknown = "" if known else localize("적혀 있지 않습니다.", "Nothing is recorded.", language=language)
    return card_section(
        ("어떻게 배웠나", "How it was made"),
        unknown,
        command,
        card_table(values, language) if values else "",
        language=language,
    )


def _training_commands(info: dict[str, Any], language: str) -> list[str]:
    """Return the command that made it, before it those of the model that it began with."""
    own = [str(info["command"])] if info.get("command") else []
    start = info.get("start")
    if not isinstance(start, dict) or not start.get("command"):
        return own
    begun = _training_commands(start, language)
    bits = start.get("test", {}).get("bits_per_character")
    first = localize("# 처음", "# at first", language=language) + (f" ({bits:.4f})" if bits else "")
    return [first, *begun, localize("# 이어서", "# then", language=language), *own]


def _samples_section(samples: Sequence[CardSample], language: str) -> str:
    said = localize(
        "고르지도 고치지도 않았습니다. ▸ 앞은 사람이 준 글, 뒤는 모델이 쓴 글입니다.",
        "Neither chosen nor edited. What stands before ▸ was given; the model wrote the rest.",
        language=language,
    )
    lines = [f"[{'seed ' + str(one.seed) if one.seed is not None else '?'}] {one.prompt}▸{one.text}" for one in samples]
    return card_section(("쓴 글", "What it writes"), said, code_block("\n".join(lines)), language=language)


def _limitations_section(lm: LanguageModel, facts: DatasetInfo, language: str) -> str:
    known = [
        localize(*facts.failing, language=language),
        localize(
            f"작은 모델입니다(매개변수 {lm.parameters:,}개). 앞뒤가 맞지 않는 말을 하고, 사실이 아닌 것을 지어냅니다.",
            f"It is small ({lm.parameters:,} parameters): it loses the thread, and makes things up.",
            language=language,
        ),
        localize(
            "배운 글의 말투만 압니다. 다른 갈래의 글은 서툴게 쓰고, 그런 글의 글자당 비트는 더 높습니다.",
            "It knows the manner of what it learnt from; other kinds of text it writes worse, at more bits a character.",
            language=language,
        ),
    ]  # fmt: skip
    return card_section(
        ("알려진 흠", "Known failings"), "\n".join(f"- {one}" for one in known if one), language=language
    )
