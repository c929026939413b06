"""A corpus file of any size as one ``.npy`` of token ids: in little memory, and going on where it was stopped.

    path = encode_file("corpus.txt", korlm.load_tokenizer("unigram"), "corpus.npy")
    ids = numpy.load(path, mmap_mode="r")      # the ids of a line, </s>, the ids of the next

Ids are appended to ``corpus.npy.partial``; ``corpus.npy.journal`` says how far they may be trusted. What a stopped run
leaves behind is cut back to that, so that a run that was killed and taken up again gives the same bytes as one that was
not. ``corpus.json`` beside the array says what made it.

The journal of a corpus that is being encoded: what was begun, how far it may be trusted, and whether to go on with it.

>>> read_encoding_progress("no-such.npy") is None
True
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from korlm.corpora.files import unreadable_file_error
from korlm.corpora.streaming import LineBatch, read_batches
from korlm.corpora.token_cache import id_dtype
from korlm.errors import ArtifactError, CorpusError, InputError, KorlmError
from korlm.storage.artifacts import FORMAT_VERSION, read_json, write_json
from korlm.storage.cache import file_fingerprint, file_sha256
from korlm.storage.npy import NPY_HEADER_BYTES, AppendableNpy
from korlm.text.spans import check_text
from korlm.tokenizers.base import Tokenizer


@dataclass(frozen=True)
class EncodingProgress:
    """How far an encoding is.

    Attributes:
        consumed: see `korlm.corpora.streaming.Batch`.
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
    try:
        source = file_fingerprint(path)
    except OSError as error:
        raise unreadable_file_error(path, error) from error
    plan = {"kind": "encoding", "format": FORMAT_VERSION, "source": source, "column": column}
    return plan | {"signature": tokenizer.signature, "item_bytes": id_dtype(tokenizer).itemsize}


def state_paths(output: Path) -> tuple[Path, Path]:
    """Return where the ids and the journal of an unfinished encoding are."""
    return output.with_name(output.name + ".partial"), output.with_name(output.name + ".journal")


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


_CHARACTER_UNITS = ("syllable", "jamo", "byte")
_SLICE_CHARACTERS = 2**20  # characters
_SAVE_INTERVAL_SECONDS = (
    2.0  # seconds of work that a kill may cost; a journal waits for the disk, which takes some 10 ms
)


def encode_file(
    path: str | Path,
    tokenizer: Tokenizer,
    output: str | Path,
    *,
    column: str | int | None = None,
    workers: int = 2,
    restart: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Encode a corpus file into one array on disk; called again after a stop of any kind, go on from there.

    A batch of about half a million characters is held at a time; a longer line is held whole, and cut whole but for
    units of one character. Resuming, a plain
    ``.txt`` is entered where it was left; the rows of other formats are read again, though not encoded.

    Args:
        path: a .txt, .tsv, .csv or .jsonl file (also .gz).
        tokenizer: what encodes it.
        output: the ``.npy`` to write: uint16, or uint32 where the vocabulary needs it; its ``.json`` comes beside it.
        column: the field that holds the text; see `korlm.corpora.files.read_file`.
        workers: the analyzer's threads.
        restart: start anew, over what is there.
        progress: called with the bytes of the file read and in all.

    Returns:
        ``output``.

    Raises:
        CorpusError: the file cannot be read, is not UTF-8, holds no text, or is not the one that was begun.
        ArtifactError: ``output`` exists, was begun with another tokenizer, is being written by another process, or
            the disk is full.
        InputError: the tokenizer has no ``</s>``, or ``output`` is no ``.npy``.
    """
    path, output = Path(path), Path(output)
    plan = build_journal_header(path, tokenizer, column, output)
    partial, journal = state_paths(output)
    if output.exists() and not restart and not partial.exists():
        raise ArtifactError(
            f"{output}이(가) 이미 있습니다. 새로 만들려면 --restart(restart=True)를, 아니면 다른 이름을 쓰세요.",
            f"{output} is there already. Make it anew with --restart (restart=True), or choose another name.",
        )
    done = EncodingProgress() if restart else read_journal(partial, journal, plan)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with closing(AppendableNpy(partial, id_dtype(tokenizer), done.tokens)) as array:
            run = _EncodingRun(path, tokenizer, array, journal, plan, done)
            run.encode(column, workers, progress or (lambda done, total: None))
            if run.state.lines:
                run.write_metadata(output)
        if not run.state.lines:
            raise _discard_empty_output(path, partial, journal)
    except BlockingIOError as error:
        raise ArtifactError(
            f"다른 프로그램이 {output}을(를) 쓰고 있습니다. 끝나기를 기다리거나 다른 이름을 쓰세요.",
            f"Another process is writing {output}. Wait for it, or choose another name.",
        ) from error
    except OSError as error:
        if isinstance(error, KorlmError):
            raise
        raise ArtifactError(
            f"{output}에 쓰지 못했습니다 ({error.strerror}). 디스크에 자리를 만들고 같은 명령을 다시 하면 이어서 합니다.",
            f"Cannot write {output} ({error.strerror}). Make room on the disk; the same command then goes on.",
        ) from error
    partial.replace(output)
    journal.unlink(missing_ok=True)
    return output


class _EncodingRun:
    def __init__(
        self,
        path: Path,
        tokenizer: Tokenizer,
        array: AppendableNpy,
        journal: Path,
        plan: dict[str, Any],
        done: EncodingProgress,
    ) -> None:
        self.path, self.tokenizer, self.array, self.journal = path, tokenizer, array, journal
        self.journal_header, self.state = plan, done

    def encode(self, column: str | int | None, workers: int, progress: Callable[[int, int], None]) -> None:
        total, saved = self.journal_header["source"]["size"], time.monotonic()
        self.save_journal()
        progress(self.state.position, total)
        try:
            for batch in read_batches(self.path, column=column, start=self.state.consumed):
                self.write_batch(batch, workers)
                progress(self.state.position, total)
                if time.monotonic() - saved >= _SAVE_INTERVAL_SECONDS:
                    self.save_journal()
                    saved = time.monotonic()
        except BaseException:  # Ctrl-C too: what is done is kept
            with suppress(OSError):
                self.save_journal()
            raise

    def write_batch(self, batch: LineBatch, workers: int) -> None:
        before = self.array.count
        try:
            for lines, eos in _split_long_lines(batch.lines, self.tokenizer):
                self.array.append(self.tokenizer.encode_array(lines, workers=workers, eos=eos).ids)
        except InputError as error:
            raise _invalid_line_error(self.path, batch.lines, self.state.lines) or error from error
        self.state = self.state.with_batch(batch, self.array.count - before)

    def save_journal(self) -> None:
        self.array.flush()
        write_json(self.journal, self.journal_header | {"done": asdict(self.state)})

    def write_metadata(self, output: Path) -> None:
        digest = file_sha256(self.path)
        if file_fingerprint(self.path) != self.journal_header["source"]:
            raise CorpusError(
                f"읽는 동안 {self.path}이(가) 바뀌었습니다. --restart(restart=True)로 새로 시작하세요.",
                f"{self.path} changed while it was read. Start anew with --restart (restart=True).",
            )
        self.array.finish()
        done = self.state
        write_json(output.with_suffix(".json"), {
            "kind": "token ids", "format": FORMAT_VERSION, "tokenizer": self.tokenizer.name,
            "signature": self.tokenizer.signature, "dtype": id_dtype(self.tokenizer).name,
            "lines": done.lines, "characters": done.characters, "tokens": done.tokens,
            "end_of_line": self.tokenizer.specials["</s>"], "column": self.journal_header["column"],
            "source": self.path.name, "source_bytes": self.journal_header["source"]["size"], "source_sha256": digest,
        })  # fmt: skip


def _split_long_lines(lines: list[str], tokenizer: Tokenizer) -> Iterator[tuple[list[str], int | None]]:
    """Yield lines with what ends them; a very long one in parts, where a unit looks at one character at a time."""
    end = tokenizer.specials["</s>"]
    if tokenizer.unit not in _CHARACTER_UNITS or max(map(len, lines), default=0) <= _SLICE_CHARACTERS:
        yield lines, end
        return
    for line in lines:
        for first in range(0, len(line), _SLICE_CHARACTERS):
            yield [line[first : first + _SLICE_CHARACTERS]], end if first + _SLICE_CHARACTERS >= len(line) else None


def _discard_empty_output(path: Path, partial: Path, journal: Path) -> CorpusError:
    for leftover in (partial, journal):
        leftover.unlink(missing_ok=True)
    return CorpusError(
        f"{path}에 글이 없습니다. 글이 든 파일인지, column이 맞는지 보세요.",
        f"There is no text in {path}. Check the file, and the column.",
    )


def _invalid_line_error(path: Path, lines: list[str], lines_before: int) -> CorpusError | None:
    """Return the error that names the line with a character that cannot be encoded."""
    for number, line in enumerate(lines, lines_before + 1):
        try:
            check_text(line)
        except InputError as error:
            return CorpusError(f"{path}의 글 {number:,}번째 줄: {error.ko}", f"{path}, line {number:,}: {error.en}")
    return None
