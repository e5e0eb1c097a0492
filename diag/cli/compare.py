"""`diag compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from diag.cli.help_examples import Worded, use_one_thread
from diag.cli.options import app_options, lang_option, options_from, resume_option, take_options
from diag.core.errors import BadInputError

if TYPE_CHECKING:
    from diag.report.shelf import Embed

_PATH = click.Path(path_type=Path)
_OF_RECORDINGS = ("reference", "page", "raw", "verbose")
_OF_BOTH = ("a", "b", "as_json", "fail_on", "embed", "lang", "voice")


@click.command(
    "compare",
    cls=Worded,
    names_configs=True,
    short_help="Compare two configurations, saved runs or recordings: what differs, and why.",
    examples=(
        "diag compare healthy playback_16k",
        "diag compare old.toml new.toml --takes 20",
        "diag compare reports/runs/monday reports/runs/friday",
        "diag compare before.wav after.wav --html difference.html",
    ),
)
@click.argument("a")
@click.argument("b")
@click.option(
    "--reference",
    type=_PATH,
    metavar="FILE",
    help="Recordings only: the sound that both should be a copy of.",
)
@click.option("--html", "page", type=_PATH, metavar="PAGE",
              help="Recordings only: write a report to PAGE, with the audio of both. PAGE ends in .html.")  # fmt: skip
@click.option("--raw", metavar="FORMAT",
              help="Recordings only: sample format of files without a header, as s16le:24000.")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="Recordings only: show all measures.")
@take_options
@lang_option
@app_options
@resume_option
def command(a: str, b: str, *, as_json: bool, fail_on: str, **given: Any) -> int:
    """Compare two configurations, two saved runs or two recordings: what differs, by how much, and why.

    A and B are each a TOML file, one of the names below, or the folder of a saved run. Takes of A and B are recorded
    in turn, so that a busy minute affects both.

    Or A and B are two audio files. If they hold the same sound, each is judged as if the other were its reference;
    otherwise only level, spectrum, noise, gaps and clicks of each are compared. Nothing is recorded then, and the
    options for takes cannot be used.

    Exit code 1 means that an error was found in A or B, or that a measure of B is worse. Exit code 4 means that there
    are too few takes to decide, or that something was not shown to be right.
    """
    from diag.api.compare_recordings import are_recordings

    if are_recordings(a, b, raw=given["raw"]):
        _refuse(a, "recordings", lambda name: name not in (*_OF_RECORDINGS, *_OF_BOTH))
        return _recordings(a, b, as_json=as_json, fail_on=fail_on, given=given)
    _refuse(a, "configurations or saved runs", lambda name: name in _OF_RECORDINGS)
    from diag.api.compare import compare
    from diag.cli.output import show_report
    from diag.cli.progress import TerminalProgress

    with TerminalProgress() as progress:
        report = compare(a, b, options_from(given), progress)
    return show_report(report, as_json=as_json, fail_on=fail_on)


def _refuse(a: str, kind: str, unfit: Any) -> None:
    """Refuse options that were typed and have no meaning for what is compared."""
    context = click.get_current_context()
    typed = [
        max(option.opts, key=len)
        for option in context.command.params
        if option.name is not None
        and unfit(option.name)
        and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    ]
    if typed:
        raise BadInputError(
            f"Could not use {' and '.join(typed)}",
            seen=f"{a} and the other side are {kind}",
            allowed="options that `diag compare --help` does not limit to the other kind",
            next_step=f"leave out {' and '.join(typed)}",
        )


def _recordings(a: str, b: str, *, as_json: bool, fail_on: str, given: dict[str, Any]) -> int:
    use_one_thread()
    from diag.api.compare_recordings import compare_recordings
    from diag.api.recording_report import check_page, write_comparison_report
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.report.recording_compare_text import comparison_document, comparison_exit_code, comparison_text

    page: Path | None = given["page"]
    embed: Embed = given["embed"]
    if page is not None:
        check_page(page)
    comparison = compare_recordings(a, b, reference=given["reference"], voice=given["voice"], raw=given["raw"])
    code = comparison_exit_code(comparison, fail_on)
    if page is not None:
        write_comparison_report(comparison, page, reference=given["reference"], raw=given["raw"], embed=embed)
    width = terminal_width(err=as_json)
    show_text(comparison_text(comparison, code, width=width, verbose=given["verbose"], page=page), err=as_json)
    if as_json:
        show_json(comparison_document(comparison, str(page) if page else None))
    return int(code)
