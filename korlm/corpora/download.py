"""Corpora that are fetched by name, file by file, into the cache.

- WikiText-2, as PyTorch's examples carry it: Merity et al. (2017), "Pointer sentinel mixture models"; CC BY-SA 3.0. Words
  are cut by spaces already, and rare ones written ``<unk>``.
- Songys' Chatbot_data: 11,823 Korean questions and answers; MIT.

>>> path = download_wikitext2()["train"]  # doctest: +SKIP
"""

from __future__ import annotations

import os
from pathlib import Path

from korlm.errors import CorpusError
from korlm.storage.artifacts import write_file
from korlm.storage.cache import cache_folder

WIKITEXT2_URL = "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2"
SONGYS_URL = "https://raw.githubusercontent.com/songys/Chatbot_data/master/ChatbotData.csv"
_SPLITS = ("train", "valid", "test")
_TIMEOUT_SECONDS = 30  # without a byte before we give up


def download_wikitext2(*, base_url: str | None = None) -> dict[str, Path]:
    """Return the three files of WikiText-2: those of ``KORLM_CORPORA/wikitext2`` where all are there, else fetched.

    What was fetched once is kept in the cache folder.

    Args:
        base_url: the address of the folder they are in; by default ``KORLM_WIKITEXT2_URL``, or that of PyTorch's examples.

    Raises:
        CorpusError: it cannot be reached; the message says what to put where.
        ArtifactError: the cache folder cannot be written.
    """
    root = os.environ.get("KORLM_CORPORA", "")
    if root and (found := _find_split_files(Path(root) / "wikitext2")):
        return found
    folder = cache_folder() / "wikitext2"
    base_url = (base_url or os.environ.get("KORLM_WIKITEXT2_URL") or WIKITEXT2_URL).rstrip("/")
    for side in _SPLITS:
        if not (folder / f"{side}.txt").is_file():
            names = ", ".join(f"{other}.txt" for other in _SPLITS)
            write_file(folder / f"{side}.txt", _fetch_file(f"{base_url}/{side}.txt", folder, names))
    return {side: folder / f"{side}.txt" for side in _SPLITS}


def download_songys_chatbot() -> Path:
    """Return the file of Songys' questions and answers: that of ``KORLM_CORPORA/download_songys_chatbot``, else fetched once.

    Raises:
        CorpusError: it cannot be reached; the message says what to put where.
        ArtifactError: the cache folder cannot be written.
    """
    root = os.environ.get("KORLM_CORPORA", "")
    given = Path(root) / "songys_chatbot" / "ChatbotData.csv"
    if root and given.is_file():
        return given
    kept = cache_folder() / "songys_chatbot" / given.name
    if not kept.is_file():
        write_file(kept, _fetch_file(os.environ.get("KORLM_SONGYS_URL") or SONGYS_URL, kept.parent, given.name))
    return kept


def _find_split_files(folder: Path) -> dict[str, Path] | None:
    found = {
        side: path for side in _SPLITS for path in (folder / f"{side}.txt.gz", folder / f"{side}.txt") if path.is_file()
    }
    return found if len(found) == len(_SPLITS) else None


def _fetch_file(url: str, folder: Path, names: str) -> bytes:
    from http.client import HTTPException  # 50 ms that other corpora need not spend
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:
            content: bytes = answer.read()
        if not content or content.lstrip().startswith(b"<"):  # the page of a portal, not the text
            raise URLError("no text")
        return content
    except (OSError, ValueError, HTTPException) as error:  # URLError and HTTPError are OSErrors
        reason = error if hasattr(error, "code") else getattr(error, "reason", None) or error  # with the number 404
        raise CorpusError(
            f"{url}을(를) 받지 못했습니다 ({reason}). 인터넷이 되는 곳에서 {names}을(를) 받아 {folder}에 두거나, "
            f"KORLM_CORPORA로 알린 폴더 아래 {folder.name}/에 두세요.",
            f"Cannot fetch {url} ({reason}). Fetch {names} where there is a network and put it into {folder}, or into "
            f"{folder.name}/ of the folder that KORLM_CORPORA names.",
        ) from error
