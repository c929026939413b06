"""The folder of an experiment: its configuration, corpus statistics, vocabularies, baselines and runs.

    experiment.json             the configuration, corpus statistics, versions and machine
    characters-{valid,test}.npy characters of each line, the line end included
    tokenizers/NAME/, NAME.json vocabularies and their statistics
    floors.json                 baselines: xz and the uniform model
    runs/NAME/                  a run: result.json (it is finished), bits-{valid,test}.npy, best/ (the model), log.txt;
                                marginal.json, bits-marginal.npy if it was scored over all segmentations
    report.md report.html table.csv result.json curves.json figures/

>>> ExperimentFolder("runs/experiment").run_folder("syllable-gru-7").as_posix()
'runs/experiment/runs/syllable-gru-7'
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

SCORED_SPLITS = ("valid", "test")
RESULT_FILE, MARGINAL_FILE, MARGINAL_BITS_FILE = "result.json", "marginal.json", "bits-marginal.npy"
# fields that vocabularies and baselines depend on; the other ones matter to runs only
_VOCABULARY_FIELDS = ("corpus", "column", "limit", "score_lines", "xz_bytes")


def load_experiment_corpus(
    name: str, *, column: str | int | None = None, limit: int | None = None, score_lines: int = 0
) -> Corpus:
    """Load a corpus by `korlm.load_corpus`; ``score_lines`` limits the lines of valid and of test (0: all).

    Raises:
        KorlmError: as `korlm.load_corpus` raises.
    """
    corpus = load_corpus(name, column=column, limit=limit)
    if not score_lines:
        return corpus
    return Corpus(corpus.name, corpus.train, corpus.valid[:score_lines], corpus.test[:score_lines])


def count_characters(lines: Sequence[str]) -> int:
    """Return the number of characters of lines, one line end a line included.

    >>> count_characters(["가나", "다"])
    5
    """
    return sum(map(len, lines)) + len(lines)


def word_statistics(corpus: Corpus) -> dict[str, Any]:
    """Return the statistics of a classical word-level model.

    Returns:
        ``distinct``: distinct words of the training text between spaces, and one for the line end (33,278 of WikiText-2);
        ``unseen``: by split, the fraction of its words that the training text lacks; ``written_unk``: the fraction that
        is written ``<unk>`` in the text already.
    """
    train_words = {word for line in corpus.train for word in line.split()}
    statistics: dict[str, Any] = {"distinct": len(train_words) + 1, "unseen": {}, "written_unk": {}}
    for split in SCORED_SPLITS:
        words = [word for line in getattr(corpus, split) for word in line.split()]
        statistics["unseen"][split] = sum(word not in train_words for word in words) / max(1, len(words))
        statistics["written_unk"][split] = words.count("<unk>") / max(1, len(words))
    return statistics


def bits_file(split: str) -> str:
    """Return the name of the file with the bits of each line of a split."""
    return f"bits-{split}.npy"


class ExperimentFolder:
    """Paths and files of an experiment's folder, which need not exist yet."""

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder)
        self.tokenizers_folder = self.path / "tokenizers"
        self.baselines_file = self.path / "floors.json"

    def run_folder(self, name: str) -> Path:
        """Return the folder of a run."""
        return self.path / "runs" / name

    def check_compatible(self, config: ExperimentConfig) -> None:
        """Check that the folder can hold this experiment; the budget may change until the first run.

        Raises:
            ArtifactError: it holds another experiment, or something else.
        """
        if (self.path / "experiment.json").is_file():
            changed = _changed_fields(self.read_metadata()[0], config)
            if changed and ((self.path / "runs").is_dir() or set(changed) & set(_VOCABULARY_FIELDS)):
                names = ", ".join(changed)
                raise ArtifactError(
                    f"{self.path}에는 다른 실험이 있습니다 (다른 것: {names}). 같은 설정이나 다른 --folder를 쓰세요. "
                    "토크나이저, 셀, 시드는 더할 수 있습니다.",
                    f"{self.path} holds another experiment (what differs: {names}). Use its settings, or another "
                    "--folder. Tokenizers, cells and seeds may be added.",
                )
        elif self.path.is_dir() and any(not path.name.startswith(".") for path in self.path.iterdir()):
            raise ArtifactError(
                f"{self.path}에 실험이 아닌 것이 있습니다. 빈 폴더나 다른 --folder를 쓰세요.",
                f"{self.path} does not hold an experiment. Use an empty folder or another --folder.",
            )

    def write_metadata(self, config: ExperimentConfig, corpus: Corpus, command_line: str) -> dict[str, Any]:
        """Write the experiment's metadata, and return the corpus statistics.

        Raises:
            ArtifactError: the folder's runs used another text under the same corpus name.
        """
        corpus_info = _corpus_info(corpus)
        path = self.path / "experiment.json"
        if path.is_file() and read_json(path)["corpus"]["sha256"] != corpus_info["sha256"]:
            raise ArtifactError(
                f"말뭉치 '{corpus.name}'의 글이 {self.path}의 것과 다릅니다. 다른 --folder를 쓰세요.",
                f"The text of '{corpus.name}' is not that of {self.path}. Use another --folder.",
            )
        write_json(  # first, since this file marks the folder as an experiment's
            path,
            {
                "kind": "experiment", "format": FORMAT_VERSION, "config": config.to_dict(), "signature": config.signature,
                "command": command_line, "corpus": corpus_info, "made": datetime.now(UTC).isoformat(timespec="seconds"),
                "versions": _package_versions(), "machine": f"{platform.machine()}, {platform.system()}",
            },
        )  # fmt: skip
        for split in SCORED_SPLITS:
            buffer = io.BytesIO()
            np.save(buffer, [len(line) + 1 for line in getattr(corpus, split)])
            write_file(self.path / f"characters-{split}.npy", buffer.getvalue())
        return corpus_info

    def read_metadata(self) -> tuple[ExperimentConfig, dict[str, Any]]:
        """Return the configuration, and the whole ``experiment.json``.

        Raises:
            ArtifactError: there is none, or it is damaged.
        """
        metadata = read_json(self.path / "experiment.json")
        try:
            return ExperimentConfig.from_dict(metadata["config"]), metadata
        except (TypeError, KeyError) as error:
            raise ArtifactError(
                f"{self.path}/experiment.json이 온전하지 않습니다. 다른 --folder에서 새로 하세요.",
                f"{self.path}/experiment.json is damaged. Start over in another --folder.",
            ) from error

    def load_vocabulary_info(self, slug: str) -> dict[str, Any] | None:
        """Return the statistics of a vocabulary, or None if it is not trained yet."""
        info_file = self.tokenizers_folder / f"{slug}.json"
        is_complete = (self.tokenizers_folder / slug / "config.json").is_file() and info_file.is_file()
        return read_json(info_file) if is_complete else None

    def load_baselines(self) -> dict[str, Any] | None:
        """Return the baselines, or None if they are not measured yet."""
        return read_json(self.baselines_file) if self.baselines_file.is_file() else None

    def load_result(self, name: str) -> dict[str, Any] | None:
        """Return the result of a run, or None if it is not finished.

        Deletes the run's folder ``last``, the checkpoint to resume from, if it is still there: a run that was killed right
        after it wrote its result did not get to that, and a finished run never resumes.
        """
        folder = self.run_folder(name)
        if not (folder / RESULT_FILE).is_file():
            return None
        if (folder / "last").is_dir():
            shutil.rmtree(folder / "last", ignore_errors=True)
        result: dict[str, Any] = read_json(folder / RESULT_FILE)
        return result

    def load_bits(self, name: str, split: str) -> np.ndarray:
        """Return the bits of each line of a split under a finished run, ``[lines]``."""
        return np.asarray(np.load(self.run_folder(name) / bits_file(split), allow_pickle=False))

    def load_marginal_bits(self, name: str, beam: int) -> np.ndarray | None:
        """Return the bits of each test line over all segmentations, ``[lines]``, or None if not scored with this beam."""
        folder = self.run_folder(name)
        info_file = folder / MARGINAL_FILE
        if not (beam and info_file.is_file() and read_json(info_file)["beam"] == beam):
            return None
        return np.asarray(np.load(folder / MARGINAL_BITS_FILE, allow_pickle=False))

    def load_character_counts(self, split: str) -> np.ndarray:
        """Return the number of characters of each line of a split, the line end included, ``[lines]``."""
        return np.asarray(np.load(self.path / f"characters-{split}.npy", allow_pickle=False))


def _changed_fields(stored: ExperimentConfig, requested: ExperimentConfig) -> list[str]:
    """Return the names of the settings that differ between two configurations.

    Fields of `ExperimentConfig` and the options of every run are named alike, as on the command line. Those of
    ``EXTENDABLE_FIELDS`` are left out: they may grow while an experiment keeps its folder.
    """
    before, after = ({**values.pop("options"), **values} for values in (stored.to_dict(), requested.to_dict()))
    names = [name for name in {**before, **after} if name not in EXTENDABLE_FIELDS]
    return [name for name in names if before.get(name) != after.get(name)]


def _corpus_info(corpus: Corpus) -> dict[str, Any]:
    lines = {split: len(getattr(corpus, split)) for split in SPLITS}
    characters = {split: count_characters(getattr(corpus, split)) for split in SPLITS}
    info = {"name": corpus.name, "sha256": corpus.digest, "lines": lines, "characters": characters}
    return info | {"words": word_statistics(corpus)}


def _package_versions() -> dict[str, str]:
    from importlib.metadata import version

    return {"korlm": __version__, "torch": version("torch"), "python": platform.python_version()}
