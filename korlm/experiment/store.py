"""The folder of an experiment: what it was asked for, its corpus in figures, its vocabularies, floors and runs.

    experiment.json             the configuration, the corpus in figures, versions and machine
    characters-{valid,test}.npy characters of each line, its end included
    tokenizers/NAME/, NAME.json vocabularies, and what they measure
    floors.json                 xz and the uniform model
    runs/NAME/                  a run: result.json (it is finished), bits-{valid,test}.npy, best/ (the model), log.txt;
                                marginal.json, bits-marginal.npy where it was measured over all segmentations
    report.md report.html table.csv result.json curves.json figures/

>>> Store("runs/experiment").run_folder("syllable-gru-7").as_posix()
'runs/experiment/runs/syllable-gru-7'
"""

from __future__ import annotations

import io
import platform
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import korlm
from korlm.artifacts import FORMAT, read_json, write_file, write_json
from korlm.corpora.sources import SPLITS, Corpus
from korlm.errors import ArtifactError
from korlm.experiment.config import EXTENDS, ExperimentConfig
from korlm.experiment.texts import characters, words

SIDES = ("valid", "test")
MARGINAL, MARGINAL_BITS = "marginal.json", "bits-marginal.npy"
_VOCABULARIES_HANG_ON = ("corpus", "column", "limit", "score_lines", "xz_bytes")  # and floors; the rest but runs do


class Store:
    """An experiment's folder.

    Args:
        folder: where it is, or will be.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @property
    def tokenizers(self) -> Path:
        """Where vocabularies are."""
        return self.folder / "tokenizers"

    @property
    def floors_file(self) -> Path:
        """Where the floors are."""
        return self.folder / "floors.json"

    def run_folder(self, name: str) -> Path:
        """Return where a run is."""
        return self.folder / "runs" / name

    def check(self, config: ExperimentConfig) -> None:
        """Raise where the folder cannot take this experiment. Until its first run a budget may be corrected.

        Raises:
            ArtifactError: it holds another experiment, or what is no experiment.
        """
        if (self.folder / "experiment.json").is_file():
            changed = _changed(self.read()[0], config)
            if changed and ((self.folder / "runs").is_dir() or set(changed) & set(_VOCABULARIES_HANG_ON)):
                names = ", ".join(changed)
                raise ArtifactError(
                    f"{self.folder}에는 다른 실험이 있습니다 (다른 것: {names}). 같은 설정이나 다른 --folder를 쓰세요. "
                    "토크나이저, 셀, 씨앗은 더할 수 있습니다.",
                    f"{self.folder} holds another experiment (what differs: {names}). Use its settings, or another "
                    "--folder. Tokenizers, cells and seeds may be added.",
                )
        elif self.folder.is_dir() and any(not path.name.startswith(".") for path in self.folder.iterdir()):
            raise ArtifactError(
                f"{self.folder}에 실험이 아닌 것이 있습니다. 빈 폴더나 다른 --folder를 쓰세요.",
                f"{self.folder} holds what is no experiment. Use an empty folder or another --folder.",
            )

    def write(self, config: ExperimentConfig, corpus: Corpus, command: str) -> dict[str, Any]:
        """Write what the experiment is, and return the corpus in figures.

        Raises:
            ArtifactError: runs were made from another text under the corpus' name.
        """
        facts = _corpus_facts(corpus)
        path = self.folder / "experiment.json"
        if path.is_file() and read_json(path)["corpus"]["sha256"] != facts["sha256"]:
            raise ArtifactError(
                f"말뭉치 '{corpus.name}'의 글이 {self.folder}의 것과 다릅니다. 다른 --folder를 쓰세요.",
                f"The text of '{corpus.name}' is not that of {self.folder}. Use another --folder.",
            )
        write_json(  # first, for it makes the folder an experiment's
            path,
            {
                "kind": "experiment", "format": FORMAT, "config": config.to_dict(), "signature": config.signature,
                "command": command, "corpus": facts, "made": datetime.now(UTC).isoformat(timespec="seconds"),
                "versions": _versions(), "machine": f"{platform.machine()}, {platform.system()}",
            },
        )  # fmt: skip
        for side in SIDES:
            buffer = io.BytesIO()
            np.save(buffer, [len(line) + 1 for line in getattr(corpus, side)])
            write_file(self.folder / f"characters-{side}.npy", buffer.getvalue())
        return facts

    def read(self) -> tuple[ExperimentConfig, dict[str, Any]]:
        """Return the configuration, and all that ``experiment.json`` says.

        Raises:
            ArtifactError: there is none, or it is damaged.
        """
        said = read_json(self.folder / "experiment.json")
        try:
            return ExperimentConfig.from_dict(said["config"]), said
        except (TypeError, KeyError) as error:
            raise ArtifactError(
                f"{self.folder}/experiment.json이 온전하지 않습니다. 다른 --folder에서 새로 하세요.",
                f"{self.folder}/experiment.json is damaged. Start anew in another --folder.",
            ) from error

    def vocabulary(self, slug: str) -> dict[str, Any] | None:
        """Return what a vocabulary measures, or None where it is not made yet."""
        made = (self.tokenizers / slug / "config.json").is_file() and (self.tokenizers / f"{slug}.json").is_file()
        return read_json(self.tokenizers / f"{slug}.json") if made else None

    def floors(self) -> dict[str, Any] | None:
        """Return the floors, or None where they are not measured yet."""
        return read_json(self.floors_file) if self.floors_file.is_file() else None

    def result(self, name: str) -> dict[str, Any] | None:
        """Return a finished run's result, or None."""
        folder = self.run_folder(name)
        if not (folder / "result.json").is_file():
            return None
        if (folder / "last").is_dir():  # it was killed right after its end
            shutil.rmtree(folder / "last", ignore_errors=True)
        result: dict[str, Any] = read_json(folder / "result.json")
        return result

    def bits(self, name: str, side: str) -> np.ndarray:
        """Return the bits of each line of a split under a finished run, ``[lines]``."""
        return np.asarray(np.load(self.run_folder(name) / f"bits-{side}.npy", allow_pickle=False))

    def marginal(self, name: str, beam: int) -> np.ndarray | None:
        """Return the bits of each test line of a finished run over its segmentations, or None where not measured."""
        folder = self.run_folder(name)
        said = folder / MARGINAL
        if not (beam and said.is_file() and read_json(said)["beam"] == beam):
            return None
        return np.asarray(np.load(folder / MARGINAL_BITS, allow_pickle=False))

    def characters(self, side: str) -> np.ndarray:
        """Return the characters of each line of a split, its end included, ``[lines]``."""
        return np.asarray(np.load(self.folder / f"characters-{side}.npy", allow_pickle=False))


def _changed(one: ExperimentConfig, other: ExperimentConfig) -> list[str]:
    there, here = one.to_dict(), other.to_dict()
    there, here = {**there.pop("options"), **there}, {**here.pop("options"), **here}
    return [name for name in {**there, **here} if there.get(name) != here.get(name) and name not in EXTENDS]


def _corpus_facts(corpus: Corpus) -> dict[str, Any]:
    return {
        "name": corpus.name,
        "sha256": corpus.digest,
        "lines": {side: len(getattr(corpus, side)) for side in SPLITS},
        "characters": {side: characters(getattr(corpus, side)) for side in SPLITS},
        "words": words(corpus),
    }


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {"korlm": korlm.__version__, "torch": version("torch"), "python": platform.python_version()}
