"""Check that every pinned requirement has a wheel for each supported Python and platform; `make check-wheels` runs it.

    python dev/check_wheels.py
    python dev/check_wheels.py --python 3.14 --platform windows-amd64

The pins (``name==version``) are those of requirements.txt, of pyproject's extras and of its build system. Environment
markers decide where a pin applies; where it does, a wheel must exist, since source distributions need a compiler. The
package index is asked through pip, once a package, with the indexes that pip is configured for; nothing is downloaded.
The exit status is 1 if a wheel is missing.

>>> wheels = {"numpy-2.2.6-cp311-cp311-win_amd64.whl", "numpy-2.2.6.tar.gz"}
>>> has_wheel(wheels, "numpy", "2.2.6", "3.11", "windows-amd64"), has_wheel(wheels, "numpy", "2.2.6", "3.14", "windows-amd64")
(True, False)
>>> has_wheel({"ruff-0.17.5-py3-none-macosx_11_0_arm64.whl"}, "ruff", "0.17.5", "3.14", "macos-arm64")
True
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from packaging import tags
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

REPOSITORY = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# The values of the markers of each platform. glibc 2.28 (2018) and macOS 14 are the oldest that torch's wheels run on.
PLATFORMS = {
    "linux-x86_64": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
    "macos-arm64": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"},
    "windows-amd64": {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
    # by name only: torch has had no wheel for Macs with Intel processors since 2.3
    "macos-x86_64": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "x86_64", "os_name": "posix"},
    "linux-aarch64": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64", "os_name": "posix"},
}  # fmt: skip
DEFAULT_PLATFORMS = ("linux-x86_64", "macos-arm64", "windows-amd64")


def read_pins() -> dict[str, Requirement]:
    """Return the pinned requirements of the project, each once."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    lines = (REPOSITORY / "requirements.txt").read_text("utf-8").splitlines()
    lines = [line.split("#")[0].strip() for line in lines]
    lines += project["build-system"]["requires"] + project["project"]["dependencies"]
    for extra in project["project"]["optional-dependencies"].values():
        lines += extra
    requirements = [Requirement(line) for line in lines if line]
    return {str(requirement): requirement for requirement in requirements if pinned_version(requirement)}


def pinned_version(requirement: Requirement) -> str | None:
    """Return the version of ``name==version``; None for a requirement that is not pinned."""
    specifiers = list(requirement.specifier)
    return specifiers[0].version if len(specifiers) == 1 and specifiers[0].operator == "==" else None


def list_files(name: str) -> set[str]:
    """Return the names of all files that the index has of a package.

    pip names each of them when it looks for versions and is told to be verbose, and so needs no download.

    Raises:
        RuntimeError: pip could not reach the index or does not know the package.
    """
    command = [sys.executable, "-m", "pip", "-vv", "--no-color", "index", "versions", name]
    done = subprocess.run(command, capture_output=True, text=True)
    files = set(re.findall(r"/([^/\s#?]+\.(?:whl|tar\.gz|zip))\b", done.stdout + done.stderr))
    if not files:
        raise RuntimeError(f"pip lists no files of {name}: {done.stderr.strip().splitlines()[-1:]}")
    return files


@cache
def compatible_tags(python: str, platform: str) -> frozenset[tags.Tag]:
    """Return the wheel tags that a CPython of a version accepts on a platform."""
    major, minor = (int(part) for part in python.split("."))
    system, machine = platform.split("-")
    if system == "linux":
        platforms = [f"manylinux_2_{glibc}_{machine}" for glibc in range(28, 4, -1)]
        platforms += [f"{name}_{machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1")]
    elif system == "macos":
        platforms = list(tags.mac_platforms((14, 0), machine))
    else:
        platforms = [f"win_{machine}"]
    interpreter = f"cp{major}{minor}"
    accepted = {*tags.cpython_tags((major, minor), abis=[interpreter], platforms=platforms)}
    return frozenset(accepted | {*tags.compatible_tags((major, minor), interpreter, platforms)})


def has_wheel(files: Iterable[str], name: str, version: str, python: str, platform: str) -> bool:
    """Tell whether one of the files is a wheel of a version that a Python accepts on a platform."""
    for file in files:
        if file.endswith(".whl"):
            try:
                project, wheel_version, _, wheel_tags = parse_wheel_filename(file)
            except ValueError:  # names from before the standard
                continue
            same = project == canonicalize_name(name) and str(wheel_version) == version
            if same and wheel_tags & compatible_tags(python, platform):
                return True
    return False


def applies(requirement: Requirement, python: str, platform: str) -> bool:
    """Tell whether a requirement's environment marker is true for a Python on a platform."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": "", **PLATFORMS[platform]}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", action="append", choices=PYTHONS, help="may be repeated; default: all")
    parser.add_argument(
        "--platform", action="append", choices=PLATFORMS, help="may be repeated; default: the first three"
    )
    parser.add_argument("--verbose", action="store_true", help="list the pins that are complete, too")
    options = parser.parse_args(arguments)
    targets = [
        (python, platform) for python in options.python or PYTHONS for platform in options.platform or DEFAULT_PLATFORMS
    ]
    pins = read_pins()
    names = sorted({requirement.name for requirement in pins.values()})
    with ThreadPoolExecutor(4) as pool:
        files = dict(zip(names, pool.map(list_files, names), strict=True))
    missing = 0
    width = max(map(len, pins))
    for label, requirement in sorted(pins.items()):
        lacking = [
            f"{python} {platform}"
            for python, platform in targets
            if applies(requirement, python, platform)
            and not has_wheel(
                files[requirement.name], requirement.name, pinned_version(requirement) or "", python, platform
            )
        ]
        missing += len(lacking)
        if lacking or options.verbose:
            print(f"{label:<{width}}  {'no wheel: ' + ', '.join(lacking) if lacking else 'ok'}")
    print(f"{len(pins)} pins, {len(targets)} targets, {missing} wheels missing")
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
