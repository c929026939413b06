"""Folders on disk that korlm writes and reads: atomic, JSON and safetensors only, with a format version.

An artifact is a folder with a ``config.json`` that says what it is (``{"kind": "tokenizer", "format": 1, ...}``).
It is written under a temporary name, flushed and renamed, so that a reader sees the old folder or the new, never half.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from korlm.errors import ArtifactError

FORMAT_VERSION = 1
_STALE_SECONDS = 600  # seconds after which a half-written folder is taken for a killed writer's
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin")


def data_folder() -> Path:
    """Return the folder of bundled data: beside the package in a checkout, inside it once installed."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "data"
    return inside if inside.is_dir() else package.parent / "data"


def _flush_folder(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as handle:
                os.fsync(handle.fileno())


def _replace_atomically(temporary: Path, target: Path) -> None:
    """Have a folder take the place of another at one stroke; what stood there is deleted.

    Linux and macOS can exchange two names. Elsewhere the old folder is moved away first, and a kill between the two
    renames leaves it as ``.NAME-...-old``.
    """
    if not target.exists():
        temporary.rename(target)
        return
    if _exchange_paths(temporary, target):
        return  # the caller deletes what is now the temporary one
    old = temporary.with_name(temporary.name + "-old")
    target.rename(old)
    temporary.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _exchange_paths(first: Path, second: Path) -> bool:
    """Exchange two names; return False where the system cannot."""
    libc: Any = ctypes.CDLL(None) if os.name == "posix" else None
    names = os.fsencode(first), os.fsencode(second)
    if hasattr(libc, "renameat2"):
        here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        return bool(libc.renameat2(here, names[0], here, names[1], exchange) == 0)
    if hasattr(libc, "renamex_np"):
        return bool(libc.renamex_np(names[0], names[1], 2) == 0)  # RENAME_SWAP
    return False


def _remove_stale(target: Path) -> None:
    """Delete what writers of this folder left when they were killed."""
    for left in target.parent.glob(f".{target.name}-????????"):
        if left.is_dir() and time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def new_folder(target: str | Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``target`` when the block ends well, and is deleted otherwise.

    Raises:
        ArtifactError: the folder cannot be written, or ``target`` is a folder that korlm did not make.
    """
    target = Path(target)
    if target.exists() and not (target / "config.json").is_file() and any(target.iterdir() if target.is_dir() else [1]):
        raise ArtifactError(
            f"{target}은(는) korlm이 만든 폴더가 아니라서 덮어쓰지 않습니다. 다른 이름을 쓰세요.",
            f"{target} is not a folder that korlm made, so it is not overwritten. Choose another name.",
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(target)
        temporary = _staging_path(target)
        temporary.mkdir()
    except OSError as error:
        raise _write_error(target, error) from error
    try:
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():  # safetensors writes files for its user alone; ours are as readable as any other
                path.chmod(temporary.stat().st_mode & 0o666)
        _flush_folder(temporary)
        _replace_atomically(temporary, target)
    except OSError as error:
        raise _write_error(target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_writable(target: str | Path) -> None:
    """Raise now, before hours of work, if nothing can be written at ``target``; leave nothing behind.

    Raises:
        ArtifactError: the nearest folder above it that exists takes no file.
    """
    target = Path(target)
    nearest = next(folder for folder in (target, *target.absolute().parents) if folder.exists())
    try:
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise _write_error(target, error) from error


def write_file(target: str | Path, content: bytes) -> None:
    """Write a file under a temporary name, flush it and rename it to ``target``.

    Raises:
        ArtifactError: it cannot be written; what stood there before still does.
    """
    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _staging_path(target)
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _write_error(target, error) from error


def _staging_path(target: Path) -> Path:
    """Return a new name beside ``target``. Not `tempfile`'s files: nobody but their user may read those."""
    return target.with_name(f".{target.name}-{secrets.token_hex(4)}")


def write_json(target: str | Path, content: Any) -> None:
    """Write ``content`` as readable UTF-8 JSON, atomically."""
    write_file(target, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def write_tensors(path: Path, tensors: Mapping[str, Any]) -> None:
    """Write torch tensors as safetensors, into a folder of `new_folder`.

    Raises:
        OSError: it cannot be written; `new_folder` makes an `ArtifactError` of it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(on_cpu, path)
    except SafetensorError as error:  # a full disk, too
        reason = str(error).rpartition("error: ")[2]
        raise OSError(None, reason) from error


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        ArtifactError: it is missing, unreadable or no JSON.
    """
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{path}을(를) 읽지 못했습니다 ({type(error).__name__}). 폴더가 온전한지 보고 다시 내려받거나 다시 만드세요.",
            f"Cannot read {path} ({type(error).__name__}). Check that the folder is whole; fetch or make it again.",
        ) from error


def read_artifact_config(folder: str | Path, kind: str) -> dict[str, Any]:
    """Read the ``config.json`` of an artifact folder and check what it is.

    Raises:
        ArtifactError: no such folder, not one of korlm's, another kind, a newer format, or it holds a pickle.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ArtifactError(
            f"{folder} 폴더가 없습니다. 경로를 확인하세요.", f"There is no folder {folder}. Check the path."
        )
    if pickles := sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLE_SUFFIXES):
        raise ArtifactError(
            f"{folder}에 피클일 수 있는 파일({pickles[0]})이 있어 읽지 않습니다. safetensors로 저장된 폴더를 쓰세요.",
            f"{folder} holds a file that may be a pickle ({pickles[0]}), so it is not read. "
            "Use a folder saved as safetensors.",
        )
    config = read_json(folder / "config.json")
    if not isinstance(config, dict) or config.get("kind") != kind:
        found = config.get("kind", config.get("model_type", "?")) if isinstance(config, dict) else "?"
        raise ArtifactError(
            f"{folder}은(는) korlm의 {kind} 폴더가 아닙니다 (적힌 종류: {found}). korlm으로 저장한 폴더를 쓰세요.",
            f"{folder} is not a {kind} folder of korlm (it says: {found}). Use a folder that korlm saved.",
        )
    if config.get("format") != FORMAT_VERSION:
        raise ArtifactError(
            f"{folder}의 형식 {config.get('format')}은 이 korlm이 읽는 {FORMAT_VERSION}과 다릅니다. korlm을 새로 설치하세요.",
            f"{folder} has format {config.get('format')}; this korlm reads {FORMAT_VERSION}. Upgrade korlm.",
        )
    return config


def _write_error(target: Path, error: OSError) -> ArtifactError:
    if isinstance(error, ArtifactError):
        return error
    reason = error.strerror or type(error).__name__
    return ArtifactError(
        f"{target}에 쓰지 못했습니다 ({reason}). 쓸 수 있는 폴더인지, 디스크에 자리가 있는지 보세요.",
        f"Cannot write {target} ({reason}). Check that the folder is writable and the disk has room.",
    )
