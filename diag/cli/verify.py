"""`diag verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from diag.cli.help_examples import Worded, use_one_thread
from diag.cli.options import options_from, resume_option, take_options


@click.command(
    "verify",
    cls=Worded,
    short_help="Check the files of a saved run and derive its numbers again, or check diag itself (--self).",
    examples=(
        "diag verify reports/runs/20261122-140500-healthy-7f3a",
        "diag verify reports/runs/20261122-140500-healthy-7f3a --report release.html",
        "diag verify --self",
        "diag verify --self --scenarios",
        "diag verify --self faults --audio wire --takes 1",
    ),
)
@click.argument("names", nargs=-1, metavar="[RUN|SCENARIO]...")
@click.option(
    "--report",
    "page",
    type=click.Path(path_type=Path),
    default=None,
    metavar="PAGE",
    help="Report that shows this run.  [default: the one with the name of the run, if it is there]",
)
@click.option(
    "--self", "of_itself", is_flag=True,
    help="Check that diag's detectors find the built-in faults, on recordings whose answer is known. With the names of "
    "scenarios: record those, and compare the findings with the expected ones.",
)  # fmt: skip
@click.option("--scenarios", "every", is_flag=True, help="With --self: record every scenario.")
@take_options
@resume_option
def command(
    names: tuple[str, ...],
    *,
    page: Path | None,
    of_itself: bool,
    every: bool,
    as_json: bool,
    fail_on: str,
    **given: Any,
) -> int:
    """Check the files of a saved run against their checksums, and derive every number again; or check diag itself.

    RUN is the folder of a saved run. Its takes are judged again from recordings and events, and every number in
    result.json and in the report is compared with the derived one. Nothing is written.

    Exit code 1 means that a file was changed, or that a number does not follow from the recordings. Exit code 4 means
    that something could not be verified, for example a run that was recorded without checksums.

    With --self, diag plants its built-in faults into recorded replies, and checks that its detectors find each of them.
    With --scenarios or SCENARIO, it records conversations instead: every scenario must give its expected findings, and
    no others. SCENARIO may be a folder of scenarios: `faults` has one for each finding. The options for takes are for
    scenarios only. Exit code 1 then means that a fault was missed, or that something else was found.
    """
    if of_itself and (every or names or given["resume"]):
        return _scenarios(names, as_json=as_json, fail_on=fail_on, given=given)
    use_one_thread()
    if of_itself:
        return _detectors(as_json=as_json)
    if len(names) != 1:
        raise click.UsageError("name one RUN, or use --self")
    return _run(Path(names[0]), page, as_json=as_json)


def _detectors(*, as_json: bool) -> int:
    from diag.api.self_check import check_detectors
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.core.errors import ExitCode
    from diag.report.release_text import self_check_text

    checked = check_detectors()
    show_text(self_check_text(checked, width=terminal_width(err=as_json)), err=as_json)
    if as_json:
        show_json(checked.to_json())
    return int(ExitCode.GOOD if checked.passed else ExitCode.FAILED)


def _scenarios(names: tuple[str, ...], *, as_json: bool, fail_on: str, given: dict[str, Any]) -> int:
    from diag.api.self_check import check_scenarios
    from diag.cli.output import show_report
    from diag.cli.progress import TerminalProgress

    with TerminalProgress() as progress:
        report = check_scenarios(options_from(given), progress, scenarios=names)
    return show_report(report, as_json=as_json, fail_on=fail_on)


def _run(folder: Path, page: Path | None, *, as_json: bool) -> int:
    from diag.api.verify import verify_run
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.cli.progress import TerminalProgress
    from diag.report.verify_text import verification_text

    with TerminalProgress() as progress:
        result = verify_run(folder, progress, page=page)
    text = verification_text(
        result.folder, takes=result.takes, files=result.files, numbers=result.numbers,
        problems=[(item.place, item.text) for item in result.problems], unproven=result.unproven,
        width=terminal_width(err=as_json),
    )  # fmt: skip
    show_text(text, err=as_json)
    if as_json:
        show_json(result.to_json())
    return int(result.exit_code)
