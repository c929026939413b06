"""The errors that korlm raises on purpose; each says what went wrong and what to do, in Korean and in English.

>>> error = InputError("글이 비었습니다. 한 글자 이상 쓰세요.", "The text is empty. Type something.")
>>> error.message("en")
'The text is empty. Type something.'
"""

from __future__ import annotations

from korlm.i18n import localize


class KorlmError(Exception):
    """Base class of korlm's errors; ``str()`` is the message in the user's language.

    Args:
        ko: the message in Korean, with what to do next.
        en: the message in English.
    """

    def __init__(self, ko: str, en: str) -> None:
        super().__init__(ko, en)
        self.ko = ko
        self.en = en

    def message(self, language: str | None = None) -> str:
        """Return the message in ``"ko"`` or ``"en"``; by default in the user's language."""
        return localize(self.ko, self.en, language=language)

    def __str__(self) -> str:
        return self.message()


class InputError(KorlmError, ValueError):
    """A text or an option is not valid."""


class UnknownNameError(KorlmError, LookupError):
    """There is no tokenizer, model or corpus of this name."""


class MissingDependencyError(KorlmError, ImportError):
    """An optional package is not installed; the message names the command that installs it."""


class AnalyzerError(KorlmError, RuntimeError):
    """A morphological analyzer crashed, exceeded its time limit or could not start."""


class ArtifactError(KorlmError, OSError):
    """A tokenizer or model folder is missing, corrupt, not korlm's, or unsafe to read."""


class CorpusError(KorlmError, ValueError):
    """A corpus is unreadable, empty or too small."""


class TrainingError(KorlmError, RuntimeError):
    """Training cannot continue; the last good state is kept."""
