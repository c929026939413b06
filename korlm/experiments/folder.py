"""The folder of an experiment: what it was asked for, its corpus in figures, its vocabularies, floors and runs.

    experiment.json             the configuration, the corpus in figures, versions and machine
    characters-{valid,test}.npy characters of each line, its end included
    tokenizers/NAME/, NAME.json vocabularies, and what they measure
    floors.json                 xz and the uniform model
    runs/NAME/                  a run: result.json (it is finished), bits-{valid,test}.npy, best/ (the model), log.txt;
                                marginal.json, bits-marginal.npy where it was measured over all segmentations
    report.md report.html table.csv result.json curves.json figures/

>>> ExperimentFolder("runs/experiment").run_folder("syllable-gru-7").as_posix()
'runs/experiment/runs/syllable-gru-7'

What an experiment reads: its corpus, and the corpus in counts.

>>> len(load_experiment_corpus("kolaw", limit=40, score_lines=10).test)
10
"""

from __future__ import annotations

import io
import platform
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from korlm._version import __version__
from korlm.corpora.registry import SPLITS, Corpus, load_corpus
from korlm.errors import ArtifactError
from korlm.experiments.config import EXTENDABLE_FIELDS, ExperimentConfig
from korlm.storage.artifacts import FORMAT_VERSION, read_json, write_file, write_json


def load_experiment_corpus(
    name: str, *, column: str | int | None = None, limit: int | None = None, score_lines: int = 0
) -> Corpus:
    """Return the corpus of an experiment.

    Args:
        name: as `korlm.load_corpus` takes it; so are ``column`` and ``limit``.
        column: of a table.
        limit: of training lines.
        score_lines: keep so many first lines of valid and of test; 0: all.

    Raises:
        KorlmError: as `korlm.load_corpus` does.
    """
    corpus = load_corpus(name, column=column, limit=limit)
    if not score_lines:
        return corpus
    return Corpus(corpus.name, corpus.train, corpus.valid[:score_lines], corpus.test[:score_lines])


def count_characters(lines: Sequence[str]) -> int:
    """Return the characters of lines, one line end a line included.

    >>> count_characters(["가나", "다"])
    5
    """
    return sum(map(len, lines)) + len(lines)


def word_statistics(corpus: Corpus) -> dict[str, Any]:
    """Return what the classical count of a word-level model needs.

    Returns:
        ``distinct``: words of the training text between spaces, and one for the end of a line (33,278 of WikiText-2);
        ``unseen``: by split, the share of its words that the training text does not have; ``written_unk``: the share
        that stands as ``<unk>`` in the text already.
    """
    seen = {word for line in corpus.train for word in line.split()}
    shares: dict[str, Any] = {"distinct": len(seen) + 1, "unseen": {}, "written_unk": {}}
    for side in ("valid", "test"):
        every = [word for line in getattr(corpus, side) for word in line.split()]
        shares["unseen"][side] = sum(word not in seen for word in every) / max(1, len(every))
        shares["written_unk"][side] = every.count("<unk>") / max(1, len(every))
    return shares


SCORED_SPLITS = ("valid", "test")
MARGINAL_FILE, MARGINAL_BITS_FILE = "marginal.json", "bits-marginal.npy"
_VOCABULARY_FIELDS = ("corpus", "column", "limit", "score_lines", "xz_bytes")  # and floors; the rest but runs do


class ExperimentFolder:
    """An experiment's folder.

    Args:
        path: where it is, or will be.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder)

    @property
    def tokenizers_folder(self) -> Path:
        """Where vocabularies are."""
        return self.path / "tokenizers"

    @property
    def baselines_file(self) -> Path:
        """Where the floors are."""
        return self.path / "floors.json"

    def run_folder(self, name: str) -> Path:
        """Return where a run is."""
        return self.path / "runs" / name

    def check_compatible(self, config: ExperimentConfig) -> None:
        """Raise where the folder cannot take this experiment. Until its first run a budget may be corrected.

        Raises:
            ArtifactError: it holds another experiment, or what is no experiment.
        """
        if (self.path / "experiment.json").is_file():
            changed = _changed_fields(self.read_metadata()[0], config)
            if changed and ((self.path / "runs").is_dir() or set(changed) & set(_VOCABULARY_FIELDS)):
                names = ", ".join(changed)
                raise ArtifactError(
                    f"{self.path}에는 다른 실험이 있습니다 (다른 것: {names}). 같은 설정이나 다른 --folder를 쓰세요. "
                    "토크나이저, 셀, 씨앗은 더할 수 있습니다.",
                    f"{self.path} holds another experiment (what differs: {names}). Use its settings, or another "
                    "--folder. Tokenizers, cells and seeds may be added.",
                )
        elif self.path.is_dir() and any(not path.name.startswith(".") for path in self.path.iterdir()):
            raise ArtifactError(
                f"{self.path}에 실험이 아닌 것이 있습니다. 빈 폴더나 다른 --folder를 쓰세요.",
                f"{self.path} holds what is no experiment. Use an empty folder or another --folder.",
            )

    def write_metadata(self, config: ExperimentConfig, corpus: Corpus, command_line: str) -> dict[str, Any]:
        """Write what the experiment is, and return the corpus in figures.

        Raises:
            ArtifactError: runs were made from another text under the corpus' name.
        """
        facts = _corpus_info(corpus)
        path = self.path / "experiment.json"
        if path.is_file() and read_json(path)["corpus"]["sha256"] != facts["sha256"]:
            raise ArtifactError(
                f"말뭉치 '{corpus.name}'의 글이 {self.path}의 것과 다릅니다. 다른 --folder를 쓰세요.",
                f"The text of '{corpus.name}' is not that of {self.path}. Use another --folder.",
            )
        write_json(  # first, for it makes the folder an experiment's
            path,
            {
                "kind": "experiment", "format": FORMAT_VERSION, "config": config.to_dict(), "signature": config.signature,
                "command": command_line, "corpus": facts, "made": datetime.now(UTC).isoformat(timespec="seconds"),
                "versions": _package_versions(), "machine": f"{platform.machine()}, {platform.system()}",
            },
        )  # fmt: skip
        for side in SCORED_SPLITS:
            buffer = io.BytesIO()
            np.save(buffer, [len(line) + 1 for line in getattr(corpus, side)])
            write_file(self.path / f"characters-{side}.npy", buffer.getvalue())
        return facts

    def read_metadata(self) -> tuple[ExperimentConfig, dict[str, Any]]:
        """Return the configuration, and all that ``experiment.json`` says.

        Raises:
            ArtifactError: there is none, or it is damaged.
        """
        said = read_json(self.path / "experiment.json")
        try:
            return ExperimentConfig.from_dict(said["config"]), said
        except (TypeError, KeyError) as error:
            raise ArtifactError(
                f"{self.path}/experiment.json이 온전하지 않습니다. 다른 --folder에서 새로 하세요.",
                f"{self.path}/experiment.json is damaged. Start anew in another --folder.",
            ) from error

    def load_vocabulary_info(self, slug: str) -> dict[str, Any] | None:
        """Return what a vocabulary measures, or None where it is not made yet."""
        made = (self.tokenizers_folder / slug / "config.json").is_file() and (
            self.tokenizers_folder / f"{slug}.json"
        ).is_file()
        return read_json(self.tokenizers_folder / f"{slug}.json") if made else None

    def load_baselines(self) -> dict[str, Any] | None:
        """Return the floors, or None where they are not measured yet."""
        return read_json(self.baselines_file) if self.baselines_file.is_file() else None

    def load_result(self, name: str) -> dict[str, Any] | None:
        """Return a finished run's result, or None."""
        folder = self.run_folder(name)
        if not (folder / "result.json").is_file():
            return None
        if (folder / "last").is_dir():  # it was killed right after its end
            shutil.rmtree(folder / "last", ignore_errors=True)
        result: dict[str, Any] = read_json(folder / "result.json")
        return result

    def load_bits(self, name: str, split: str) -> np.ndarray:
        """Return the bits of each line of a split under a finished run, ``[lines]``."""
        return np.asarray(np.load(self.run_folder(name) / f"bits-{split}.npy", allow_pickle=False))

    def load_marginal_bits(self, name: str, beam: int) -> np.ndarray | None:
        """Return the bits of each test line of a finished run over its segmentations, or None where not measured."""
        folder = self.run_folder(name)
        said = folder / MARGINAL_FILE
        if not (beam and said.is_file() and read_json(said)["beam"] == beam):
            return None
        return np.asarray(np.load(folder / MARGINAL_BITS_FILE, allow_pickle=False))

    def load_character_counts(self, split: str) -> np.ndarray:
        """Return the characters of each line of a split, its end included, ``[lines]``."""
        return np.asarray(np.load(self.path / f"characters-{split}.npy", allow_pickle=False))


def _changed_fields(one: ExperimentConfig, other: ExperimentConfig) -> list[str]:
    there, here = one.to_dict(), other.to_dict()
    there, here = {**there.pop("options"), **there}, {**here.pop("options"), **here}
    return [name for name in {**there, **here} if there.get(name) != here.get(name) and name not in EXTENDABLE_FIELDS]


def _corpus_info(corpus: Corpus) -> dict[str, Any]:
    return {
        "name": corpus.name,
        "sha256": corpus.digest,
        "lines": {side: len(getattr(corpus, side)) for side in SPLITS},
        "characters": {side: count_characters(getattr(corpus, side)) for side in SPLITS},
        "words": word_statistics(corpus),
    }


def _package_versions() -> dict[str, str]:
    from importlib.metadata import version

    return {"korlm": __version__, "torch": version("torch"), "python": platform.python_version()}
