"""Every error that korlm raises on purpose: what went wrong and what to do, in Korean and in English.

>>> error = InputError("글이 비었습니다. 한 글자 이상 쓰세요.", "The text is empty. Type something.")
>>> error.message("en")
'The text is empty. Type something.'
"""

from __future__ import annotations

from korlm.i18n import localize


class KorlmError(Exception):
    """Base of all of korlm's errors; ``str()`` is the message in the person's language.

    Args:
        ko: the message in Korean; says what to do next.
        en: the same in English.
    """

    def __init__(self, ko: str, en: str) -> None:
        super().__init__(ko, en)
        self.ko = ko
        self.en = en

    def message(self, language: str | None = None) -> str:
        """Return the message in ``"ko"`` or ``"en"`` (the person's own language by default)."""
        return localize(self.ko, self.en, language=language)

    def __str__(self) -> str:
        return self.message()


class InputError(KorlmError, ValueError):
    """Text or an option that korlm cannot take as it is."""


class UnknownNameError(KorlmError, LookupError):
    """A tokenizer, model or corpus name that korlm does not know."""


class MissingDependencyError(KorlmError, ImportError):
    """An optional package is not installed; the message names the command that installs it."""


class AnalyzerError(KorlmError, RuntimeError):
    """A morphological analyzer crashed, hung past its time limit, or could not start."""


class ArtifactError(KorlmError, OSError):
    """A tokenizer or model folder that is missing, corrupt, foreign or unsafe to read."""


class CorpusError(KorlmError, ValueError):
    """A corpus that cannot be read, is empty, or is too small for what was asked."""


class TrainingError(KorlmError, RuntimeError):
    """Training that cannot go on; the last good state is kept."""
