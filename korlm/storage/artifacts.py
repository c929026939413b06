"""Artifact folders: written atomically, JSON and safetensors only, with a format version.

An artifact is a folder with a ``config.json`` that states its kind (``{"kind": "tokenizer", "format": 1, ...}``). It is
written under a temporary name, flushed and renamed, so that readers see the old or the new folder, never a partial one.
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
_STALE_SECONDS = 600  # after which a partially written folder is assumed to be a killed process's
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin")


def data_folder() -> Path:
    """Return the folder of bundled data: beside the package in a checkout, inside an installed package."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "data"
    return inside if inside.is_dir() else package.parent / "data"


def _flush_folder(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(folder.stat().st_mode & 0o666)  # safetensors makes files that only their owner can read
            with open(path, "rb") as file:
                os.fsync(file.fileno())


def _replace_atomically(temporary: Path, target: Path) -> None:
    """Replace a folder by another in one step and delete the old one.

    Linux and macOS can exchange two names. Elsewhere the old folder is renamed first; a kill between the two renames
    leaves it as ``.NAME-...-old``.
    """
    if not target.exists():
        temporary.rename(target)
        return
    if _exchange_paths(temporary, target):
        return  # the old folder now has the temporary name, and the caller deletes that
    old = temporary.with_name(temporary.name + "-old")
    target.rename(old)
    temporary.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _exchange_paths(first: Path, second: Path) -> bool:
    """Exchange two names; return False if the system cannot."""
    libc: Any = ctypes.CDLL(None) if os.name == "posix" else None
    names = os.fsencode(first), os.fsencode(second)
    if hasattr(libc, "renameat2"):
        here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        return bool(libc.renameat2(here, names[0], here, names[1], exchange) == 0)
    if hasattr(libc, "renamex_np"):
        return bool(libc.renamex_np(names[0], names[1], 2) == 0)  # RENAME_SWAP
    return False


def _remove_stale(target: Path) -> None:
    """Delete the temporary folders of killed processes that were writing ``target``."""
    for folder in target.parent.glob(f".{target.name}-????????"):
        if folder.is_dir() and time.time() - folder.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_folder(target: str | Path) -> Iterator[Path]:
    """Yield an empty folder that replaces ``target`` at the end of the block, or is deleted if the block raises.

    Raises:
        ArtifactError: the folder is not writable, or ``target`` is not a folder made by korlm.
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
        _flush_folder(temporary)
        _replace_atomically(temporary, target)
    except OSError as error:
        raise _write_error(target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_writable(target: str | Path) -> None:
    """Check that ``target`` can be written, before hours of work; leave nothing behind.

    Raises:
        ArtifactError: the nearest existing folder above it is not writable.
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
        ArtifactError: the file cannot be written; an earlier one is unchanged.
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
    """Return an unused name beside ``target``; files of `tempfile` would be readable by their owner only."""
    return target.with_name(f".{target.name}-{secrets.token_hex(4)}")


def write_json(target: str | Path, content: Any) -> None:
    """Write ``content`` as readable UTF-8 JSON, atomically."""
    write_file(target, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def write_tensors(path: Path, tensors: Mapping[str, Any]) -> None:
    """Write torch tensors as safetensors, into a folder of `new_folder`.

    Raises:
        OSError: the file cannot be written; `new_folder` turns it into an `ArtifactError`.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(on_cpu, path)
    except SafetensorError as error:  # also for a full disk
        reason = str(error).rpartition("error: ")[2]
        raise OSError(None, reason) from error


def unreadable_weights_error(folder: Path) -> ArtifactError:
    """Return the error for weights that are missing, damaged or of another shape."""
    return ArtifactError(
        f"{folder}의 가중치를 읽지 못했습니다. 폴더가 온전한지 보고 다시 내려받거나 다시 만드세요.",
        f"Cannot read the weights of {folder}. Check that the folder is whole; fetch or make it again.",
    )


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        ArtifactError: the file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{path}을(를) 읽지 못했습니다 ({type(error).__name__}). 폴더가 온전한지 보고 다시 내려받거나 다시 만드세요.",
            f"Cannot read {path} ({type(error).__name__}). Check that the folder is whole; fetch or make it again.",
        ) from error


def read_artifact_config(folder: str | Path, kind: str) -> dict[str, Any]:
    """Read the ``config.json`` of an artifact folder and check its kind and format.

    Raises:
        ArtifactError: the folder is missing, not korlm's, of another kind or format, or contains a pickle.
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
        other_kind = config.get("kind", config.get("model_type", "?")) if isinstance(config, dict) else "?"
        raise ArtifactError(
            f"{folder}은(는) korlm의 {kind} 폴더가 아닙니다 (적힌 종류: {other_kind}). korlm으로 저장한 폴더를 쓰세요.",
            f"{folder} is not a {kind} folder of korlm (it says: {other_kind}). Use a folder that korlm saved.",
        )
    if config.get("format") != FORMAT_VERSION:
        raise ArtifactError(
            f"{folder}의 형식은 {config.get('format')}인데, 이 korlm은 형식 {FORMAT_VERSION}만 읽습니다. korlm을 새로 설치하세요.",
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
