"""Download corpora by name into the cache folder, verified by SHA-256.

- WikiText-2 as in PyTorch's examples: Merity et al. (2017), "Pointer sentinel mixture models"; CC BY-SA 3.0. Words are
  separated by spaces, and rare ones are written ``<unk>``.
- Songys' Chatbot_data: 11,823 Korean questions and answers; MIT.

A download must match the digest known for its address. Where none is known, the digest of the first download is kept
beside the file (``NAME.sha256``, as ``sha256sum`` writes it), and the file must match it ever after.

>>> path = download_wikitext2()["train"]  # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from korlm.errors import CorpusError
from korlm.storage.artifacts import write_file
from korlm.storage.cache import cache_folder, file_sha256

WIKITEXT2_URL = "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2"
SONGYS_URL = "https://raw.githubusercontent.com/songys/Chatbot_data/master/ChatbotData.csv"
KNOWN_SHA256 = {
    f"{WIKITEXT2_URL}/valid.txt": "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    f"{WIKITEXT2_URL}/test.txt": "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
    SONGYS_URL: "287eb129695b577321c80ad397bb3c2279164d4ca577874d129fd3db5b30afe2",
}
_SPLITS = ("train", "valid", "test")
_TIMEOUT_SECONDS = 30  # without receiving a byte


def download_wikitext2(*, base_url: str | None = None) -> dict[str, Path]:
    """Return the three files of WikiText-2, from ``KORLM_CORPORA/wikitext2`` if all are there, else from the cache.

    Files missing from the cache folder are downloaded.

    Args:
        base_url: address of their folder; by default ``KORLM_WIKITEXT2_URL``, or that of PyTorch's examples.

    Raises:
        CorpusError: a file cannot be downloaded or is not the expected one; the message says what to put where.
        ArtifactError: the cache folder cannot be written.
    """
    if root := os.environ.get("KORLM_CORPORA", ""):
        folder = Path(root) / "wikitext2"
        candidates = [(split, folder / f"{split}.txt{suffix}") for split in _SPLITS for suffix in (".gz", "")]
        local = {split: path for split, path in candidates if path.is_file()}
        if len(local) == len(_SPLITS):
            return local
    folder = cache_folder() / "wikitext2"
    base_url = (base_url or os.environ.get("KORLM_WIKITEXT2_URL") or WIKITEXT2_URL).rstrip("/")
    names = ", ".join(f"{split}.txt" for split in _SPLITS)
    return {split: _download_once(folder / f"{split}.txt", f"{base_url}/{split}.txt", names) for split in _SPLITS}


def download_songys_chatbot() -> Path:
    """Return the file of Songys' questions and answers, from ``KORLM_CORPORA/songys_chatbot``, else from the cache.

    Raises:
        CorpusError, ArtifactError: as for `download_wikitext2`.
    """
    root = os.environ.get("KORLM_CORPORA", "")
    local = Path(root) / "songys_chatbot" / "ChatbotData.csv"
    if root and local.is_file():
        return local
    url = os.environ.get("KORLM_SONGYS_URL") or SONGYS_URL
    return _download_once(cache_folder() / "songys_chatbot" / local.name, url, local.name)


def _download_once(path: Path, url: str, names: str) -> Path:
    """Return ``path``, downloaded from ``url`` if it is missing or no longer matches its recorded digest.

    A file without a recorded digest was put there by hand, and is used as it is.
    """
    record = path.with_name(f"{path.name}.sha256")
    recorded = record.read_text("utf-8").partition(" ")[0] if record.is_file() else ""
    if path.is_file() and (not recorded or file_sha256(path) == recorded):
        return path
    content = _fetch_file(url, path.parent, names)
    digest = hashlib.sha256(content).hexdigest()
    expected = KNOWN_SHA256.get(url) or recorded
    if expected and digest != expected:
        raise _download_error(url, path.parent, names, f"SHA-256 {digest} ≠ {expected}")
    write_file(path, content)
    write_file(record, f"{digest}  {path.name}\n".encode())
    return path


def _fetch_file(url: str, folder: Path, names: str) -> bytes:
    from http.client import HTTPException  # imported here: it takes 50 ms that other corpora do not need
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=_TIMEOUT_SECONDS) as response:
            content: bytes = response.read()
        if not content or content.lstrip().startswith(b"<"):  # a login page instead of the text
            raise URLError("no text")
        return content
    except (OSError, ValueError, HTTPException) as error:  # URLError and HTTPError are OSErrors
        reason = error if hasattr(error, "code") else getattr(error, "reason", None) or error  # with the code, e.g. 404
        raise _download_error(url, folder, names, reason) from error


def _download_error(url: str, folder: Path, names: str, reason: object) -> CorpusError:
    return CorpusError(
        f"{url}을(를) 받지 못했습니다 ({reason}). 인터넷이 되는 곳에서 {names}을(를) 받아 {folder}에 두거나, "
        f"KORLM_CORPORA로 알린 폴더 아래 {folder.name}/에 두세요.",
        f"Cannot fetch {url} ({reason}). Fetch {names} where there is a network and put it into {folder}, or into "
        f"{folder.name}/ of the folder that KORLM_CORPORA names.",
    )
