"""Encode a corpus file of any size into one ``.npy`` array of token ids, batch by batch, and resume after interruptions.

    path = encode_file("corpus.txt", korlm.load_tokenizer("unigram"), "corpus.npy")
    ids = numpy.load(path, mmap_mode="r")      # the ids of line 1, </s>, the ids of line 2, </s>, ...

During a run, ids are appended to ``corpus.npy.partial``, and the journal ``corpus.npy.journal`` records how many of them
are valid. A resumed run truncates the array to that number, so that it writes the same bytes as an uninterrupted run.
``corpus.json``, next to the array, records its source and tokenizer.

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

_SLICE_CHARACTERS = 2**20  # maximum length of a slice of a long line; see `_split_long_lines`
_SAVE_INTERVAL_SECONDS = 2.0  # at most this much work is lost to a kill; each save of the journal takes about 10 ms


@dataclass(frozen=True)
class EncodingProgress:
    """Progress of an `encode_file` run, as saved in its journal."""

    consumed: int = 0  # where to resume reading: a byte offset in a plain ``.txt``, a number of lines in other formats
    position: int = 0  # bytes of the source that were read, for a progress bar
    lines: int = 0  # lines encoded
    characters: int = 0  # characters of these lines, including one line end per line
    tokens: int = 0  # ids written, including ``</s>``

    def with_batch(self, batch: LineBatch, tokens: int) -> EncodingProgress:
        """Return the progress after a batch was written as ``tokens`` ids."""
        lines = len(batch.lines)
        characters = self.characters + sum(map(len, batch.lines)) + lines
        return EncodingProgress(batch.consumed, batch.position, self.lines + lines, characters, self.tokens + tokens)


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
    """Encode a corpus file into one array on disk, or resume a run that was stopped.

    The file is read in batches of about half a million characters. A longer line is read whole, and encoded whole unless
    the tokenizer's unit is a single character; then it is encoded in slices. To resume, a run seeks to its position in a
    plain ``.txt``; in other formats it reads past the rows that were encoded before.

    Args:
        path: a .txt, .tsv, .csv or .jsonl file (also .gz).
        tokenizer: encodes the lines.
        output: the ``.npy`` to write: uint16, or uint32 if the vocabulary needs it; its ``.json`` is written beside it.
        column: the field that holds the text; see `korlm.corpora.files.read_lines`.
        workers: number of threads or processes for tokenization.
        restart: discard earlier progress and overwrite ``output``.
        progress: called with the bytes of the file read so far and its size in bytes.

    Returns:
        ``output``.

    Raises:
        CorpusError: the file cannot be read, is not UTF-8, holds no text, or changed since the run was started.
        ArtifactError: ``output`` exists, was started with another tokenizer, is being written by another process, or
            the disk is full.
        InputError: the tokenizer has no ``</s>``, or ``output`` does not end in ``.npy``.
    """
    path, output = Path(path), Path(output)
    header = build_journal_header(path, tokenizer, column, output)
    partial, journal = state_paths(output)
    if output.exists() and not restart and not partial.exists():
        raise ArtifactError(
            f"{output}이(가) 이미 있습니다. 새로 만들려면 --restart(restart=True)를, 아니면 다른 이름을 쓰세요.",
            f"{output} already exists. Replace it with --restart (restart=True), or choose another name.",
        )
    state = EncodingProgress() if restart else read_journal(partial, journal, header)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with closing(AppendableNpy(partial, id_dtype(tokenizer), state.tokens)) as array:
            run = _EncodingRun(path, tokenizer, array, journal, header, state)
            run.encode(column, workers, progress or (lambda done, total: None))
            if run.state.lines:
                run.write_metadata(output)
        if not run.state.lines:
            partial.unlink(missing_ok=True)
            journal.unlink(missing_ok=True)
            raise CorpusError(
                f"{path}에 글이 없습니다. 글이 든 파일인지, column이 맞는지 보세요.",
                f"There is no text in {path}. Check the file, and the column.",
            )
    except KorlmError:
        raise
    except BlockingIOError as error:
        raise ArtifactError(
            f"다른 프로그램이 {output}을(를) 쓰고 있습니다. 끝나기를 기다리거나 다른 이름을 쓰세요.",
            f"Another process is writing {output}. Wait for it, or choose another name.",
        ) from error
    except OSError as error:
        raise ArtifactError(
            f"{output}에 쓰지 못했습니다 ({error.strerror}). 디스크에 자리를 만들고 같은 명령을 다시 하면 이어서 합니다.",
            f"Cannot write {output} ({error.strerror}). Make room on the disk; the same command then goes on.",
        ) from error
    partial.replace(output)
    journal.unlink(missing_ok=True)
    return output


def read_encoding_progress(output: str | Path) -> EncodingProgress | None:
    """Return the progress of a stopped `encode_file`, or None if there is nothing to resume."""
    try:
        return EncodingProgress(**read_json(state_paths(Path(output))[1])["done"])
    except (ArtifactError, KeyError, TypeError):
        return None


def build_journal_header(path: Path, tokenizer: Tokenizer, column: str | int | None, output: Path) -> dict[str, Any]:
    """Return the journal's fields that identify a run; it is resumed only if all of them are unchanged.

    Raises:
        InputError: the tokenizer has no ``</s>``, or ``output`` does not end in ``.npy``.
        CorpusError: the file cannot be read.
    """
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
    header = {"kind": "encoding", "format": FORMAT_VERSION, "source": source, "column": column}
    return header | {"signature": tokenizer.signature, "item_bytes": id_dtype(tokenizer).itemsize}


def state_paths(output: Path) -> tuple[Path, Path]:
    """Return the paths of the partial array and of the journal of an unfinished run."""
    return output.with_name(output.name + ".partial"), output.with_name(output.name + ".journal")


def read_journal(partial: Path, journal: Path, header: dict[str, Any]) -> EncodingProgress:
    """Return the progress to resume from; all zeros if there is no unfinished run.

    Raises:
        ArtifactError: the journal is damaged, or it belongs to a run with another header (`build_journal_header`).
    """
    if not partial.exists() or not journal.exists():
        return EncodingProgress()
    output = partial.with_suffix("")  # without ".partial"
    state = read_encoding_progress(output)
    recorded = read_json(journal) if state else {}
    if state is None:
        ko, en = "일지를 읽을 수 없습니다", "its journal cannot be read"
    elif recorded.get("source") != header["source"]:
        ko, en = "그동안 말뭉치 파일이 바뀌었습니다", "the corpus file has changed since it was started"
    elif any(recorded.get(key) != value for key, value in header.items()):
        ko, en = "다른 토크나이저나 열로 시작했습니다", "it was started with another tokenizer or column"
    elif partial.stat().st_size < NPY_HEADER_BYTES + state.tokens * int(recorded["item_bytes"]):
        ko, en = "일지보다 짧습니다", "it is shorter than its journal says"
    else:
        return state
    raise ArtifactError(
        f"{partial}을(를) 이어 갈 수 없습니다: {ko}. --restart(restart=True)로 새로 시작하세요.",
        f"Cannot resume {partial}: {en}. Start over with --restart (restart=True).",
    )


@dataclass
class _EncodingRun:
    """One run of `encode_file`."""

    path: Path  # the corpus file
    tokenizer: Tokenizer  # encodes its lines
    array: AppendableNpy  # the partial array of ids
    journal: Path  # the path of the journal
    header: dict[str, Any]  # the fixed fields of the journal (`build_journal_header`)
    state: EncodingProgress  # the progress after the last complete batch

    def encode(self, column: str | int | None, workers: int, progress: Callable[[int, int], None]) -> None:
        """Encode the rest of the file, saving the journal every two seconds and when interrupted."""
        total, saved_at = self.header["source"]["size"], time.monotonic()
        self.save_journal()
        progress(self.state.position, total)
        try:
            for batch in read_batches(self.path, column=column, start=self.state.consumed):
                self.write_batch(batch, workers)
                progress(self.state.position, total)
                if time.monotonic() - saved_at >= _SAVE_INTERVAL_SECONDS:
                    self.save_journal()
                    saved_at = time.monotonic()
        except BaseException:  # Ctrl-C too
            with suppress(OSError):
                self.save_journal()
            raise

    def write_batch(self, batch: LineBatch, workers: int) -> None:
        """Append the ids of a batch and update the progress.

        If this is interrupted, the progress excludes the whole batch, and a resumed run truncates its ids.
        """
        count_before = self.array.count
        try:
            for lines, eos in _split_long_lines(batch.lines, self.tokenizer):
                self.array.append(self.tokenizer.encode_array(lines, workers=workers, eos=eos).ids)
        except InputError as error:
            raise _invalid_line_error(self.path, batch.lines, self.state.lines) or error from error
        self.state = self.state.with_batch(batch, self.array.count - count_before)

    def save_journal(self) -> None:
        """Write the progress to the journal, after the ids that it counts are on disk."""
        self.array.flush()
        write_json(self.journal, self.header | {"done": asdict(self.state)})

    def write_metadata(self, output: Path) -> None:
        """Complete the array's header and write ``output``'s ``.json``; raise a `CorpusError` if the source changed."""
        digest = file_sha256(self.path)
        if file_fingerprint(self.path) != self.header["source"]:
            raise CorpusError(
                f"읽는 동안 {self.path}이(가) 바뀌었습니다. --restart(restart=True)로 새로 시작하세요.",
                f"{self.path} changed while it was read. Start over with --restart (restart=True).",
            )
        self.array.finish()
        state = self.state
        write_json(output.with_suffix(".json"), {
            "kind": "token ids", "format": FORMAT_VERSION, "tokenizer": self.tokenizer.name,
            "signature": self.tokenizer.signature, "dtype": id_dtype(self.tokenizer).name,
            "lines": state.lines, "characters": state.characters, "tokens": state.tokens,
            "end_of_line": self.tokenizer.specials["</s>"], "column": self.header["column"],
            "source": self.path.name, "source_bytes": self.header["source"]["size"], "source_sha256": digest,
        })  # fmt: skip


def _split_long_lines(lines: list[str], tokenizer: Tokenizer) -> Iterator[tuple[list[str], int | None]]:
    """Yield lists of lines to encode, each with the id to append to every line in the list (None for no id).

    If the tokenizer encodes each character separately, slices of a long line have the same ids as the whole line, so it
    is yielded in slices; only its last slice gets ``</s>``.
    """
    eos_id = tokenizer.specials["</s>"]
    if not tokenizer.one_character_per_segment or max(map(len, lines), default=0) <= _SLICE_CHARACTERS:
        yield lines, eos_id
        return
    for line in lines:
        for start in range(0, len(line), _SLICE_CHARACTERS):
            stop = start + _SLICE_CHARACTERS
            yield [line[start:stop]], eos_id if stop >= len(line) else None


def _invalid_line_error(path: Path, lines: list[str], lines_before: int) -> CorpusError | None:
    """Return an error with the number of the first line that has an unpaired surrogate; None if there is none.

    ``lines_before`` is the number of lines of the file before ``lines``.
    """
    for number, line in enumerate(lines, lines_before + 1):
        try:
            check_text(line)
        except InputError as error:
            return CorpusError(f"{path}의 글 {number:,}번째 줄: {error.ko}", f"{path}, line {number:,}: {error.en}")
    return None
