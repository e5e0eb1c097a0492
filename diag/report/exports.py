"""Registry of export formats. A format is one file in `diag.report.formats`; there is no list to edit.

The name of the file is the name of the format on the command line, so that `--help` knows all formats without importing
them.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diag.core.errors import BadInputError
from diag.core.plugins import needs_of
from diag.files.whole_files import write_whole
from diag.report import formats

if TYPE_CHECKING:
    from diag.core.results import Report
    from diag.core.take import Take

NEEDS = frozenset({"report", "takes", "link", "fail_on"})
"""Parameters that the function of a format may have: the report; the recordings by run folder; where the HTML report is
found (a path or an address); and the lowest severity that fails."""


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """A registered format.

    Parameters
    ----------
    suffix : str
        End of the names of its files, such as ".junit.xml".
    summary : str
        What it is for, in a few words.
    function : callable
        Returns the content of the file.
    needs : tuple of str
        Names of the function's parameters, of `NEEDS`.
    library, extra : str
        Library that it needs and the extra of diag that installs it; empty if it needs none.
    """

    suffix: str
    summary: str
    function: Callable[..., bytes]
    needs: tuple[str, ...]
    library: str = ""
    extra: str = ""


_formats: dict[str, ExportFormat] = {}


def export_format(
    *, suffix: str, summary: str, library: str = "", extra: str = ""
) -> Callable[[Callable[..., bytes]], Callable[..., bytes]]:
    """Register the function of a format under the name of its module. Parameters are those of `ExportFormat`.

    Raises
    ------
    TypeError
        If the function has a parameter that is not in `NEEDS`.
    """

    def register(function: Callable[..., bytes]) -> Callable[..., bytes]:
        name = function.__module__.rpartition(".")[2]
        _formats[name] = ExportFormat(
            suffix=suffix, summary=summary, function=function, needs=needs_of(function, NEEDS, name), library=library,
            extra=extra,
        )  # fmt: skip
        return function

    return register


def format_names() -> tuple[str, ...]:
    """Return the names of all formats, sorted, without importing them."""
    return tuple(sorted(info.name for info in pkgutil.iter_modules(formats.__path__)))


def format_named(name: str) -> ExportFormat:
    """Return a format by its name.

    Raises
    ------
    BadInputError
        If there is none, or the library that it needs is not installed.
    """
    if name not in format_names():
        raise BadInputError(
            f"Could not export as {name}", seen="no such format", allowed=", ".join(format_names()),
            next_step="choose one of them",
        )  # fmt: skip
    importlib.import_module(f"{formats.__name__}.{name}")
    chosen = _formats[name]
    if chosen.library and importlib.util.find_spec(chosen.library) is None:
        raise BadInputError(
            f"Could not export as {name}",
            seen=f"{chosen.library} is not installed",
            next_step=f"`pip install 'diag[{chosen.extra}]'`, or choose another format",
        )
    return chosen


def write_export(
    name: str,
    report: Report,
    stem: Path,
    *,
    takes: Mapping[str, Sequence[Take]],
    link: str,
    fail_on: str = "error",
) -> Path:
    """Write a report in one format and return the path of the file.

    Parameters
    ----------
    name : str
        Name of the format.
    report : Report
    stem : Path
        Path of the file without the suffix of the format. Missing folders are created.
    takes, link, fail_on
        As in `NEEDS`.

    Raises
    ------
    BadInputError
        If the format cannot be used, or the file cannot be written.
    """
    chosen = format_named(name)
    given: dict[str, Any] = {"report": report, "takes": takes, "link": link, "fail_on": fail_on}
    path = stem.with_name(f"{stem.name}{chosen.suffix}")
    content = chosen.function(**{need: given[need] for need in chosen.needs})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise BadInputError(
            f"Could not write {path}", seen=error.strerror or str(error), next_step="name another folder with --out"
        ) from None
    return path
