"""`diag history`."""

from __future__ import annotations

from pathlib import Path

import click

from diag.cli.help_examples import Worded, use_one_thread
from diag.cli.options import Whole, json_option, lang_option


@click.command(
    "history",
    cls=Worded,
    short_help="Show each measure over all saved runs, and where it took a step.",
    examples=(
        "diag history",
        "diag history --config my_app --html history.html",
        "diag history --metric ttfb_s --metric service_delay_s --last 50",
    ),
)
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path("reports/runs"))
@click.option("--config", "configs", multiple=True, metavar="NAME", help="Only this configuration. Can be repeated.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME",
              help="This measure instead of the headline measures. Can be repeated.")  # fmt: skip
@click.option(
    "--last", type=Whole(2, 1_000_000), default=None, metavar="N", help="Only the last N runs of each configuration."
)
@click.option(
    "--html", "page", type=click.Path(path_type=Path), default=None, metavar="PAGE", help="Write a page with plots."
)
@json_option
@lang_option
def command(
    folder: Path,
    *,
    configs: tuple[str, ...],
    metrics: tuple[str, ...],
    last: int | None,
    page: Path | None,
    as_json: bool,
) -> int:
    """Show each measure over all saved runs, and where it took a step.

    DIR is the folder of run folders, reports/runs by default. Each value is the median of the takes of one run. A
    series begins again where the model, the SDK, the endpoint, the machine, the audio devices or the version of diag
    changed. Steps alert and do not fail: the exit code is 0.
    """
    use_one_thread()
    from diag.api.history import history
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.report.history_view import build_history_page, history_text

    found = history(folder, configs=configs, metrics=metrics, last=last)
    path = None if page is None else str(build_history_page(found.series, page, runs=found.runs))
    text = history_text(
        found.series, runs=found.runs, unreadable=found.unreadable, page=path, width=terminal_width(err=as_json)
    )
    show_text(text, err=as_json)
    if as_json:
        show_json(found.to_json())
    return 0
