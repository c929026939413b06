"""The journal of a corpus that is being encoded: what was begun, how far it may be trusted, and whether to go on with it.

>>> read_encoding_progress("no-such.npy") is None
True
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from korlm.artifacts import FORMAT_VERSION, read_json
from korlm.corpora.arrays import NPY_HEADER_BYTES
from korlm.corpora.files import unreadable_file_error
from korlm.corpora.lines import chunks_sha256
from korlm.corpora.stream import LineBatch
from korlm.corpora.tokens import id_dtype
from korlm.errors import ArtifactError, InputError
from korlm.tokenizers.base import Tokenizer


@dataclass(frozen=True)
class EncodingProgress:
    """How far an encoding is.

    Attributes:
        consumed: see `korlm.corpora.stream.Batch`.
        position: bytes of the source read.
        lines: lines encoded.
        characters: of those lines, one line end each included.
        tokens: ids written, ``</s>`` included.
    """

    consumed: int = 0
    position: int = 0
    lines: int = 0
    characters: int = 0
    tokens: int = 0

    def with_batch(self, batch: LineBatch, tokens: int) -> EncodingProgress:
        """Return the progress once a batch is written."""
        lines = len(batch.lines)
        characters = self.characters + sum(map(len, batch.lines)) + lines
        return EncodingProgress(batch.consumed, batch.position, self.lines + lines, characters, self.tokens + tokens)


def read_encoding_progress(output: str | Path) -> EncodingProgress | None:
    """Return how far a stopped `encode_file` got, or None where there is none to go on with."""
    try:
        return EncodingProgress(**read_json(state_paths(Path(output))[1])["done"])
    except (ArtifactError, KeyError, TypeError):
        return None


def build_journal_header(path: Path, tokenizer: Tokenizer, column: str | int | None, output: Path) -> dict[str, Any]:
    """Return what a journal must say for its run to be gone on with."""
    if output.suffix != ".npy":
        raise InputError(
            f"저장할 파일 이름은 .npy로 끝나야 합니다 (받은 이름: {output}).",
            f"The name of the file to write must end in .npy (got {output}).",
        )
    if "</s>" not in tokenizer.specials:
        raise InputError(
            f"{tokenizer.name}에는 줄 끝을 알릴 </s>가 없습니다. korlm.train_tokenizer로 만든 것을 쓰세요.",
            f"{tokenizer.name} has no </s> to end a line with. Use a tokenizer of korlm.train_tokenizer.",
        )
    plan = {"kind": "encoding", "format": FORMAT_VERSION, "source": file_fingerprint(path), "column": column}
    return plan | {"signature": tokenizer.signature, "item_bytes": id_dtype(tokenizer).itemsize}


def state_paths(output: Path) -> tuple[Path, Path]:
    """Return where the ids and the journal of an unfinished encoding are."""
    return output.with_name(output.name + ".partial"), output.with_name(output.name + ".journal")


def file_fingerprint(path: Path) -> dict[str, Any]:
    """Return what tells a corpus file from another, or from itself before a change, without reading it through.

    Raises:
        CorpusError: it cannot be read.
    """
    try:
        state = path.stat()
        with path.open("rb") as handle:
            head = hashlib.sha256(handle.read(2**20)).hexdigest()
    except OSError as error:
        raise unreadable_file_error(path, error) from error
    return {"size": state.st_size, "mtime_ns": state.st_mtime_ns, "head_sha256": head}


def read_journal(partial: Path, journal: Path, plan: dict[str, Any]) -> EncodingProgress:
    """Return where to go on; the beginning where nothing was begun."""
    if not partial.exists() or not journal.exists():
        return EncodingProgress()
    done = read_encoding_progress(partial.with_suffix(""))
    found = read_json(journal) if done else {}
    if done is None:
        raise _cannot_resume_error(partial, "일지를 읽을 수 없습니다", "its journal cannot be read")
    if found.get("source") != plan["source"]:
        raise _cannot_resume_error(
            partial, "그동안 말뭉치 파일이 바뀌었습니다", "the corpus file is not the one that it was begun with"
        )
    if any(found.get(key) != value for key, value in plan.items()):
        raise _cannot_resume_error(
            partial, "다른 토크나이저나 칸으로 시작했습니다", "it was begun with another tokenizer or column"
        )
    if partial.stat().st_size < NPY_HEADER_BYTES + done.tokens * int(found["item_bytes"]):
        raise _cannot_resume_error(partial, "일지보다 짧습니다", "it is shorter than its journal says")
    return done


def _cannot_resume_error(partial: Path, ko: str, en: str) -> ArtifactError:
    return ArtifactError(
        f"{partial}을(를) 이어 갈 수 없습니다: {ko}. --restart(restart=True)로 새로 시작하세요.",
        f"Cannot go on with {partial}: {en}. Start anew with --restart (restart=True).",
    )


def file_sha256(path: Path) -> str:
    """Return the digest of a file, in hexadecimal digits."""
    with path.open("rb") as handle:
        return chunks_sha256(iter(lambda: handle.read(2**20), b""))
