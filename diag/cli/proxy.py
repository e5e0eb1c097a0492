"""`diag proxy`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import (
    Whole,
    embed_option,
    endpoint_option,
    fail_on_option,
    json_option,
    options_from,
    out_option,
)


@click.command(
    "proxy",
    cls=Worded,
    short_help="Record and judge what any client and the Live API say to each other.",
    examples=(
        "diag proxy",
        "diag proxy --endpoint gemini --port 8888",
        "diag proxy --line delay_ms=80,jitter_ms=40",
    ),
)
@endpoint_option
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=Whole(0, 65535), default=0, metavar="N", help="Port to listen on.  [default: a free port]")
@click.option("--scenario", metavar="CONFIG", help="Use the [emulator] table of this configuration.")
@click.option(
    "--line",
    default="",
    metavar="SPEC",
    help="Impair the line in both directions: delay_ms, jitter_ms, stall_ms, stall_every_s, kbit_s.",
)
@click.option(
    "--seed", type=Whole(0, 2**31 - 1), default=0, show_default=True, metavar="N", help="Seed of all random choices."
)
@click.option(
    "--ca",
    "ca_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File in which to save the certificate that clients must trust.",
)
@out_option
@embed_option
@json_option
@fail_on_option
def command(*, as_json: bool, fail_on: str, **given: Any) -> int:
    """Record and judge what any client and the Live API say to each other, until Ctrl-C.

    The proxy passes everything on unchanged. Its first lines of output say how to point a client at it: by the base
    URL, as an HTTPS proxy, or by a browser's host rules. It prints a line for each turn. After Ctrl-C it prints the
    findings and writes a report. Keys are not saved.

    What the user says and hears is not recorded, so the exit code is 4 if nothing worse was found.
    """
    from diag.api.proxy import proxy
    from diag.cli.output import show_report, show_text

    names = ("endpoint", "host", "port", "scenario", "line", "seed", "ca_path")
    report = proxy(
        **{name: given[name] for name in names},
        options=options_from({name: value for name, value in given.items() if name not in names}),
        tell=lambda text: show_text(text, err=as_json),
    )
    return show_report(report, as_json=as_json, fail_on=fail_on)
