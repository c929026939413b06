"""The body of a language model's card: description, usage, results, training, samples, limitations.

print(render_model_card(lm, "law", "user/law", get_dataset_info(lm.info)))
"""

from __future__ import annotations

from typing import Any, NamedTuple

from korlm.corpora.dataset_info import DatasetInfo
from korlm.hub.rendering import Translate, install_command, render_bilingual_page, tokenizer_label, tokenizer_unit_label
from korlm.models.base import PretrainedModel
from korlm.models.language_model import LanguageModel

_SAMPLE_TOKENS = 40
_PYTHON_EXAMPLE = """import korlm

lm = korlm.load_model("{address}")
print(lm.generate("{prompt}", seed=1))
print(lm.score(["{prompt}"]).bits_per_character)"""


class CardSample(NamedTuple):
    """A prompt and its continuation by the model."""

    prompt: str
    text: str
    seed: int | None


def render_model_card(lm: LanguageModel, title: str, address: str, dataset: DatasetInfo) -> str:
    """Return the body in Korean and English; `korlm.load_model` opens ``address``, and ``dataset`` is of the corpus.

    Raises:
        MissingDependencyError: its analyzer is not installed.
    """
    prompt = dataset.prompts[0] or "오늘은"
    samples = [
        f"[{'?' if sample.seed is None else f'seed {sample.seed}'}] {sample.prompt}▸{sample.text}"
        for sample in collect_samples(lm, dataset)
    ]

    def page_values(t: Translate) -> dict[str, Any]:
        return {
            **trained_model_values(lm, dataset, t),
            "python_example": _PYTHON_EXAMPLE.format(address=address, prompt=prompt),
            "shell_example": f'{install_command(address, lm.tokenizer.name)}\nkorlm generate {address} "{prompt}"',
            "samples": "\n".join(samples),
        }

    return render_bilingual_page("model_card.md.jinja", title, page_values)


def collect_samples(lm: LanguageModel, dataset: DatasetInfo) -> list[CardSample]:
    """Return the samples in the build information, or new ones with the seeds 1, 2, 3.

    Example:
        >>> import korlm
        >>> [sample.seed for sample in collect_samples(korlm.load_model("reviews-syllable-lstm"), DatasetInfo("x", "x", "x"))]
        [1, 2, 3]
    """
    if stored := lm.info.get("samples"):
        return [CardSample(str(sample.get("prompt", "")), str(sample["text"]), sample.get("seed")) for sample in stored]
    return [
        CardSample(prompt, lm.generate(prompt, seed=seed, max_tokens=_SAMPLE_TOKENS), seed)
        for seed, prompt in enumerate(dataset.prompts, 1)
    ]


def trained_model_values(model: PretrainedModel[Any], dataset: DatasetInfo, t: Translate) -> dict[str, Any]:
    """Return the values of the sections that the cards of language models and chatbots share."""
    info, config = model.info, model.net.config
    test = info.get("test")
    corpus = t(dataset.ko, dataset.en)
    shape = f"{config.layers}{t('층', '')} × {config.hidden}, {t('임베딩', 'embedding')} {config.embedding}"
    model_rows = [
        (t("셀", "cell"), f"{config.cell.upper()}, {shape}"),
        (t("매개변수", "parameters"), f"{model.parameters:,}"),
        (t("토크나이저", "tokenizer"), tokenizer_label(model.tokenizer, t)),
        (t("배운 글", "learnt from"), corpus if "corpus" in info else ""),
        (t("글자당 비트 (test)", "bits per character (test)"), f"**{test['bits_per_character']:.3f}**" if test else ""),
    ]
    valid = [entry["valid_bpc"] for entry in info.get("history", []) if "valid_bpc" in entry]
    return {
        "cell_name": config.cell.upper(),
        "unit": tokenizer_unit_label(model.tokenizer, t),
        "parameters": f"{model.parameters:,}",
        "model_rows": model_rows,
        "test": test,
        "best_valid": min(valid, default=None),
        "training_rows": _training_rows(info, corpus, t),
        "training_commands": "\n".join(_training_commands(info, t)),
        "failing": t(*dataset.failing),
    }


def _training_rows(info: dict[str, Any], corpus_name: str, t: Translate) -> list[tuple[str, str]]:
    corpus, training, progress = (info.get(key, {}) for key in ("corpus", "training", "progress"))
    minutes = f"{progress.get('seconds', 0) / 60:.0f}"
    steps = f"{progress.get('step', 0):,}"
    rows = [
        (t("말뭉치", "corpus"), corpus_name if corpus else ""),
        (t("학습한 줄", "training lines"), f"{lines:,}" if (lines := corpus.get("train_lines")) else ""),
        (t("학습한 문답", "training pairs"), f"{pairs:,}" if (pairs := corpus.get("train_pairs")) else ""),
        (t("글의 SHA-256", "SHA-256 of the text"), f"`{corpus['sha256']}`" if "sha256" in corpus else ""),
        (t("길이", "length"), t(f"{steps}스텝, {minutes}분", f"{steps} steps, {minutes} min") if progress else ""),
        (t("시드", "seed"), str(training.get("seed", ""))),
        (t("기계", "machine"), str(info.get("machine", ""))),
        (t("버전", "versions"), ", ".join(f"{name} {version}" for name, version in info.get("versions", {}).items())),
        (t("만든 때", "made"), str(info.get("made", ""))),
        (t("덧붙임", "note"), str(info.get("note", ""))),
    ]
    return [row for row in rows if row[1]]


def _training_commands(info: dict[str, Any], t: Translate) -> list[str]:
    """Return the command that trained a model, after the commands of its initial model."""
    commands = [str(info["command"])] if info.get("command") else []
    initial = info.get("start")
    if not isinstance(initial, dict) or not initial.get("command"):
        return commands
    bits = initial.get("test", {}).get("bits_per_character")
    first = t("# 처음", "# at first") + (f" ({bits:.4f})" if bits else "")
    return [first, *_training_commands(initial, t), t("# 이어서", "# then"), *commands]
