"""Limits of what visitors can request, and their errors.

>>> validate_text("가")
'가'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from korlm.errors import InputError, KorlmError, UnknownNameError
from korlm.text.josa import quote_with_josa
from korlm.text.normalization import normalize_message
from korlm.text.spans import check_text

MAX_TEXT = 20_000  # characters of a text to compare
MAX_PROMPT = 500  # characters
MAX_TOKENS = 200  # of a text
MAX_SAMPLES = 4  # texts per model
MAX_MODELS = 4  # per request
MAX_BEAMS = 8
MAX_TOTAL_TOKENS = 1_200  # of all texts of a request: what a phone draws smoothly
MAX_SCORE_TEXT = 1_000  # characters of a text to score
MAX_SEGMENTATION_TEXT = 300  # characters of a text whose segmentations are found: a second or two per model
MAX_SEED = 2**31 - 1
MAX_CUSTOM_WORDS = 50  # of the user dictionary
MAX_MESSAGE = 500  # characters of a message to a bot
MAX_BOTS = 3  # per message
MODEL_QUEUE = "models"  # the Gradio queue of everything that runs a language model
MODEL_CONCURRENCY = 4  # visitors whose models run at the same time


def validate_text(text: str) -> str:
    """Return a text to compare.

    Raises:
        InputError: no text, a text that is too long, or an unpaired surrogate.
    """
    if not text:
        raise InputError("글을 한 글자 이상 써 주세요.", "Type some text first.")
    if len(text) > MAX_TEXT:
        raise InputError(
            f"글이 너무 깁니다: {len(text):,}자. {MAX_TEXT:,}자까지 볼 수 있으니 줄여 주세요.",
            f"The text is too long: {len(text):,} characters. Shorten it to {MAX_TEXT:,} at most.",
        )
    return check_text(text)


def validate_prompt(prompt: str) -> str:
    """Return a prompt.

    Raises:
        InputError: a prompt that is too long, or an unpaired surrogate.
    """
    if len(prompt) > MAX_PROMPT:
        raise InputError(
            f"첫머리가 너무 깁니다: {len(prompt):,}자. {MAX_PROMPT}자 안으로 줄여 주세요.",
            f"The prompt is too long: {len(prompt):,} characters. Shorten it to {MAX_PROMPT} at most.",
        )
    return check_text(prompt)


def validate_message(text: str) -> str:
    """Return a message to a bot, without surrounding whitespace.

    >>> validate_message(" 안녕?\\n")
    '안녕?'

    Raises:
        InputError: nothing that can be seen, a message that is too long, or an unpaired surrogate.
    """
    text = text.strip()
    if not normalize_message(text):
        raise InputError("할 말을 한 글자 이상 써 주세요.", "Type a message first.")
    if len(text) > MAX_MESSAGE:
        raise InputError(
            f"말이 너무 깁니다: {len(text):,}자. {MAX_MESSAGE}자까지 보낼 수 있으니 줄여 주세요. 쓴 글은 그대로 있습니다.",
            f"The message is too long: {len(text):,} characters. Shorten it to {MAX_MESSAGE} at most; it is still here.",
        )
    return check_text(text)


def validate_score_text(text: str) -> str:
    """Return a text to score.

    Raises:
        InputError: no text, a text that is too long, or an unpaired surrogate.
    """
    if not text.strip():
        raise InputError("점수를 매길 글을 한 글자 이상 써 주세요.", "Type some text to score first.")
    if len(text) > MAX_SCORE_TEXT:
        raise InputError(
            f"글이 너무 깁니다: {len(text):,}자. {MAX_SCORE_TEXT:,}자까지 잴 수 있으니 줄여 주세요.",
            f"The text is too long: {len(text):,} characters. Shorten it to {MAX_SCORE_TEXT:,} at most.",
        )
    return check_text(text)


def validate_models(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the models in the order of ``known``.

    Raises:
        InputError: no model or too many.
        UnknownNameError: a name of no model.
    """
    if not names:
        raise InputError("모델을 하나 이상 골라 주세요.", "Choose at least one model.")
    if unknown := [name for name in names if name not in known]:
        raise unlisted_error("model", unknown[0])
    chosen = [name for name in known if name in names]
    if len(chosen) > MAX_MODELS:
        raise InputError(
            f"모델을 {len(chosen)}개 골랐습니다. 한 번에 {MAX_MODELS}개까지이니 줄여 주세요.",
            f"{len(chosen)} models are chosen. Choose {MAX_MODELS} at most.",
        )
    return chosen


def validate_number(value: float | None, name: tuple[str, str], low: int, high: int) -> int:
    """Return the integer value, ``low`` to ``high``, of a control; None is empty, ``name`` is in Korean and English.

    Raises:
        InputError: no number, or one out of range.
    """
    if value is None or value != value or not low <= value <= high:
        shown = "–" if value is None else f"{value:,.0f}"
        raise InputError(
            f"{name[0]}: {shown}. {low:,}에서 {high:,} 사이로 정해 주세요.",
            f"{name[1]}: {shown}. Set it between {low:,} and {high:,}.",
        )
    return int(value)


def validate_total_tokens(models: int, samples: int, tokens: int) -> None:
    """Raise `InputError` if a request could generate more than `MAX_TOTAL_TOKENS` tokens."""
    if (total := models * samples * tokens) > MAX_TOTAL_TOKENS:
        raise InputError(
            f"모델 {models}개 × 글 {samples}편 × 최대 {tokens}토큰은 {total:,}토큰입니다. "
            f"한 번에 {MAX_TOTAL_TOKENS:,}토큰까지이니 하나를 줄여 주세요.",
            f"{models} model(s) × {samples} text(s) × {tokens} pieces are {total:,} pieces. "
            f"{MAX_TOTAL_TOKENS:,} at most: make one of them smaller.",
        )


def busy_error() -> KorlmError:
    """Return the error for a full queue or a lost request."""
    return KorlmError(
        "지금 쓰는 사람이 많거나 연결이 끊겼습니다. 쓴 글은 그대로 있으니 잠시 뒤에 다시 눌러 주세요.",
        "Too many people are using this now, or the connection was lost. Your text is still here: try again soon.",
    )


def too_many_words_error(count: int) -> InputError:
    """Return the error for more than `MAX_CUSTOM_WORDS` user words."""
    return InputError(
        f"내 사전의 낱말이 {count}개입니다. {MAX_CUSTOM_WORDS}개까지 쓸 수 있으니 줄여 주세요.",
        f"The dictionary has {count} words. Shorten it to {MAX_CUSTOM_WORDS} at most.",
    )


def no_tokenizer_error() -> InputError:
    """Return the error for an empty choice of tokenizers."""
    return InputError("토크나이저를 하나 이상 골라 주세요.", "Choose at least one tokenizer.")


def unlisted_error(kind: Literal["tokenizer", "model", "bot"], name: str) -> UnknownNameError:
    """Return the error for a name that is not in the list."""
    ko_kind = {"tokenizer": "토크나이저는", "model": "모델은", "bot": "상대는"}[kind]
    ko = f"{quote_with_josa(name, '이라는/라는')} {ko_kind} 없습니다. 목록에서 골라 주세요."
    return UnknownNameError(ko, f"There is no {kind} '{name}'. Choose from the list.")


def unexpected_error() -> KorlmError:
    """Return the error for an unexpected exception, whose traceback is in the log."""
    return KorlmError(
        "예상하지 못한 문제가 생겼습니다. 다시 해 보고, 되풀이되면 알려 주세요.",
        "Something unexpected went wrong. Try again; if it happens again, please report it.",
    )
