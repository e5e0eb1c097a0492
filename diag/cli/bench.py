"""`diag bench`."""

from __future__ import annotations

from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import app_options, lang_option, options_from, resume_option, take_options, typed_options


@click.command(
    "bench",
    cls=Worded,
    names_configs=True,
    short_help="Decide whether your product is fit to ship: SHIP, DO NOT SHIP or TOO LITTLE EVIDENCE.",
    examples=(
        "diag bench",
        "diag bench my_app.toml --update-baseline",
        "diag bench my_app.toml --takes auto",
        "diag bench my_app.toml --against v1.2",
        "git bisect run diag bench my_app.toml --bisect",
    ),
)
@click.argument("configurations", nargs=-1, metavar="[CONFIG]...")
@take_options
@lang_option
@app_options
@resume_option
@click.option(
    "--against", metavar="REV|RUN", default=None,
    help="Record takes of an earlier version too, in turn with those of now: a commit, tag or branch of the repository "
    "of CONFIG, or the folder of a saved run.",
)  # fmt: skip
@click.option(
    "--update-baseline", is_flag=True,
    help="Keep the takes of this release as the baseline of later ones, and show what changes and why.",
)  # fmt: skip
@click.option("--no-self-check", is_flag=True, help="Do not check diag's own detectors afterwards.")
@click.option(
    "--bisect",
    is_flag=True,
    help="For `git bisect run`: exit with 125, which skips the commit, if it could not be measured or judged.",
)
def command(
    configurations: tuple[str, ...], *, against: str | None, update_baseline: bool, no_self_check: bool, bisect: bool,
    as_json: bool, fail_on: str, **given: Any,
) -> int:  # fmt: skip
    """Decide whether your product is fit to ship, compared with its last accepted release.

    The products are those of the suite in the nearest diag.toml, in this folder or above it, which `diag init` writes.
    CONFIG names other ones. Without both, the configurations in your own folder scenarios/ are the products, and
    without that diag's own client stands in for yours. 20 takes are recorded of each product, unless the suite or
    --takes say otherwise. Afterwards diag checks that its detectors find the built-in faults (`diag verify --self`).

    DO NOT SHIP (exit code 1): an error was found, a limit of the suite was exceeded, or something became worse than the
    baseline. TOO LITTLE EVIDENCE (exit code 4): something was not shown to be right. The report is bench.html in the
    output folder.
    """
    # `bisect` is looked at where every ending becomes an exit code, because errors must skip the commit too.
    del bisect
    from diag.api.bench import bench
    from diag.cli.output import show_report
    from diag.cli.progress import TerminalProgress

    typed = typed_options()
    with TerminalProgress() as progress:
        report = bench(
            options_from(given),
            progress,
            configurations=configurations,
            given=typed,
            fail_on=fail_on if "fail_on" in typed else None,
            against=against,
            update_baseline=update_baseline,
            self_check=not no_self_check,
        )
    return show_report(report, as_json=as_json, fail_on=fail_on)
