"""Progress on standard error: a live line on a terminal, one plain line per take in a pipe."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

import click

from diag.core.keys import without_keys
from diag.core.plain_text import visible
from diag.core.units import format_minutes
from diag.report.language import ntr, tr
from diag.report.localised import in_words

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


QUIET_S = 1.0
"""Progress is shown only after this time, so that short work shows none."""


class TerminalProgress:
    """Context manager that shows each take as it ends (`diag.api.options.Progress`)."""

    def __init__(self) -> None:
        self.kept = 0
        self._takes = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def started(self, *, title: str, takes: int, about_s: float | None) -> None:
        """Print what will be recorded, and start the live line on a terminal."""
        self._takes += takes
        words = ntr("{title}: {n} take", "{title}: {n} takes", takes).format(title=title, n=takes)
        if about_s is not None:
            words += tr(", about {time}").format(time=format_minutes(about_s))
        self.note(words)
        if self._bar is None and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._bar = _live_line()
            self._bar.start()
        if self._bar is not None and self._task is None:
            self._task = self._bar.add_task("takes", total=self._takes)
        elif self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=self._takes)

    def take_done(self, *, run: str, take: str, line: str, discarded: str | None) -> None:
        """Print one finished take, with the reason if it was discarded."""
        self.kept += 1
        told = tr("discarded: {reason}").format(reason=in_words(discarded)) if discarded else in_words(line)
        said = f"  {run} {tr('take {take}').format(take=take)}  {told}"
        self.note(said if self._bar is None else _folded(said, self._bar.console.width))
        if self._bar is not None and self._task is not None and not discarded:
            self._bar.advance(self._task)

    def note(self, text: str) -> None:
        """Print a line above the live line."""
        text = visible(without_keys(in_words(text)))
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(text, err=True)


class ShareDone:
    """Context manager that shows how much of a long piece of work is done; a pipe shows nothing.

    The line appears once the work has taken longer than `QUIET_S`.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._begun_s = time.perf_counter()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> ShareDone:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: float, total: float) -> None:
        """Show that `done` of `total` is finished."""
        shown = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        if self._bar is None and shown and time.perf_counter() - self._begun_s > QUIET_S:
            self._bar = _share_line()
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=total)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)


def _share_line() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _live_line() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _folded(text: str, width: int) -> str:
    from diag.report.wrapping import wrapped

    return "\n".join(wrapped(text, width))
