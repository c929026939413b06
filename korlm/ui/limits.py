"""What the app takes and what it says where something is too much or not there: limits and their sentences.

>>> checked_text("가")
'가'
"""

from __future__ import annotations

from korlm.errors import InputError, KorlmError, UnknownNameError
from korlm.text.spans import check_text

MAX_TEXT = 20_000  # characters of a text to compare
MAX_PROMPT = 500  # characters
MAX_TOKENS = 200
MAX_WORDS = 50  # of a visitor's own dictionary


def checked_text(text: str) -> str:
    """Return a text that can be compared.

    Raises:
        InputError: no text, too long a text, or an unpaired surrogate.
    """
    if not text:
        raise InputError("글을 한 글자 이상 써 주세요.", "Type some text first.")
    if len(text) > MAX_TEXT:
        raise InputError(
            f"글이 너무 깁니다: {len(text):,}자. {MAX_TEXT:,}자까지 볼 수 있으니 줄여 주세요.",
            f"The text is too long: {len(text):,} characters. Shorten it to {MAX_TEXT:,} at most.",
        )
    return check_text(text)


def checked_prompt(prompt: str) -> str:
    """Return a prompt that a model can go on from.

    Raises:
        InputError: too long a prompt, or an unpaired surrogate.
    """
    if len(prompt) > MAX_PROMPT:
        raise InputError(
            f"첫머리가 너무 깁니다: {len(prompt):,}자. {MAX_PROMPT}자 안으로 줄여 주세요.",
            f"The prompt is too long: {len(prompt):,} characters. Shorten it to {MAX_PROMPT} at most.",
        )
    return check_text(prompt)


def too_many_words(count: int) -> InputError:
    """Return the error for a dictionary of more words than `MAX_WORDS`."""
    return InputError(
        f"내 사전의 낱말이 {count}개입니다. {MAX_WORDS}개까지 쓸 수 있으니 줄여 주세요.",
        f"The dictionary has {count} words. Shorten it to {MAX_WORDS} at most.",
    )


def no_tokenizer() -> InputError:
    """Return the error where none is chosen."""
    return InputError("토크나이저를 하나 이상 골라 주세요.", "Choose at least one tokenizer.")


def unknown_tokenizer(name: str) -> UnknownNameError:
    """Return the error for a tokenizer that is none of ours."""
    return UnknownNameError(
        f"'{name}'이라는 토크나이저는 없습니다. 목록에서 골라 주세요.",
        f"There is no tokenizer '{name}'. Choose from the list.",
    )


def unknown_model(name: str) -> UnknownNameError:
    """Return the error for a model that is none of ours."""
    return UnknownNameError(
        f"'{name}'이라는 모델은 없습니다. 목록에서 골라 주세요.",
        f"There is no model '{name}'. Choose from the list.",
    )


def unexpected() -> KorlmError:
    """Return the error shown where something failed that nobody foresaw; the log has the trace."""
    return KorlmError(
        "예상하지 못한 문제가 생겼습니다. 다시 해 보고, 되풀이되면 알려 주세요.",
        "Something unexpected went wrong. Try again; if it happens again, please report it.",
    )
