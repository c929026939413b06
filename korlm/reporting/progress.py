"""Progress bars on a terminal.

>>> import io
>>> with progress_bar("measuring", file=io.StringIO()) as update:
...     update(3, 10)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Self

from tqdm import tqdm

ProgressCallback = Callable[[int, int], None]  # called with the number of items done and in all


@contextmanager
def progress_bar(
    label: str = "", *, resumed: bool = False, file: IO[str] | None = None, **options: Any
) -> Iterator[ProgressCallback]:
    """Show a progress bar; yield the callback that moves it.

    Args:
        label: the text before the bar.
        resumed: the first call gives the work of an earlier run, which the speed leaves out.
        file: where to show it; standard error by default.
        options: further options of `tqdm`.
    """
    with tqdm(desc=label, file=file or sys.stderr, **{"leave": False, **options}) as bar:

        def update_bar(done: int, total: int) -> None:
            if resumed and bar.total is None:  # unlike a plain total, `initial` keeps earlier work out of the speed
                bar.reset(total)
                bar.initial = bar.n = bar.last_print_n = done
            bar.total = total
            bar.update(done - bar.n)

        yield update_bar


class StagedProgressBar:
    """A progress bar with a label, total and layout for each stage of a task."""

    def __init__(self, *, file: IO[str] | None = None) -> None:
        self._file = file or sys.stderr
        self._bar: Any = None
        self._stage = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def start_stage(self, stage: str, label: str, layout: str, *, total: int = 1, **options: Any) -> Any:
        """Return the bar of a stage; replace the bar of another stage."""
        if self._stage != stage:
            self.close()
            options = {"leave": False, **options}
            self._bar = tqdm(total=total, desc=label, bar_format=layout, file=self._file, **options)
            self._stage = stage
        return self._bar

    def close(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, ""
