"""The HTML reports on recordings: read the recordings again that were judged, and write the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from diag.api.input_files import Source, sources_of
from diag.core.errors import BadInputError
from diag.judge.recording_comparison import RecordingComparison
from diag.judge.recording_result import AnalysisResult
from diag.report.recording_page import build_comparison_page, build_recordings_page
from diag.report.recording_view import Shown
from diag.report.shelf import Embed

SUFFIXES = (".html", ".htm")


def check_page(path: Path) -> None:
    """Raise an error if a page could not be written under this name, before anything is measured.

    Raises
    ------
    BadInputError
        If it does not end in .html, so that a recording is never overwritten, or is a folder.
    """
    attempted = f"Could not write the report {path}"
    if path.suffix.lower() not in SUFFIXES:
        named = f"the suffix `{path.suffix}`" if path.suffix else "no suffix"
        raise BadInputError(
            attempted, seen=named, allowed=" or ".join(SUFFIXES),
            next_step=f"write for example --html {path.with_suffix('.html').name}",
        )  # fmt: skip
    if path.is_dir():
        raise BadInputError(attempted, seen="it is a folder", next_step=f"name a file, as {path / 'report.html'}")


def write_report(
    results: Sequence[AnalysisResult],
    out: str | Path,
    *,
    reference: str | Path | None = None,
    raw: str | None = None,
    embed: Embed = "evidence",
) -> Path:
    """Write the report of recordings that were judged, with their audio, and return its path.

    Parameters
    ----------
    results : sequence of AnalysisResult
        Of files, as `analyze_all` returns them. Recordings that are not in a file are shown without audio.
    out : path
        Ends in .html.
    reference, raw
        As they were given to `analyze_all`.
    embed : {"evidence", "all", "none"}
        As in `build_recordings_page`.

    Raises
    ------
    BadInputError
        If the page cannot be written, or a recording can no longer be read.
    """
    check_page(Path(out))
    against = None if reference is None else sources_of(reference, what="the reference")[0]
    return build_recordings_page([shown_of(result, against, raw) for result in results], Path(out), embed=embed)


def write_comparison_report(
    comparison: RecordingComparison,
    out: str | Path,
    *,
    reference: str | Path | None = None,
    raw: str | None = None,
    embed: Embed = "evidence",
) -> Path:
    """Write the report of two recordings that were compared, with the audio of both, and return its path.

    Parameters and errors are those of `write_report`.
    """
    check_page(Path(out))
    against = None if reference is None else sources_of(reference, what="the reference")[0]
    a, b = (shown_of(result, against, raw) for result in (comparison.a, comparison.b))
    return build_comparison_page(comparison, a, b, Path(out), embed=embed)


def shown_of(result: AnalysisResult, against: Source | None, raw: str | None = None) -> Shown:
    """Return a judged recording with its audio and that of its reference."""
    if result.path is None or result.refused is not None:
        return Shown(result=result)
    source = sources_of(result.path, raw=raw, channel=result.channel)[0]
    return Shown(result=result, audio=source.audio, reference=against.audio if against else None)
