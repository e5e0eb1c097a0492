"""`diag serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import Whole, embed_option, fail_on_option, options_from, out_option
from diag.core.errors import ExitCode

_FILE = click.Path(path_type=Path)


@click.command(
    "serve",
    cls=Worded,
    short_help="Run the simulated Live API for any client.",
    examples=(
        "diag serve",
        "diag serve --port 8443 --scenario slow_service",
        "diag serve --fault slow_first_audio,delay_s=4 --fault drop_chunk,share=0.1",
        "diag serve --set think_s=1.5 --set down=tls",
        "diag serve --as-of 2025-09-19 --truth truth.jsonl",
    ),
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=Whole(0, 65535), default=0, metavar="N", help="Port to listen on.  [default: a free port]")
@click.option("--plain", is_flag=True, help="Serve http:// and ws:// without TLS.")
@click.option("--scenario", metavar="CONFIG", help="Use the [emulator] table of this configuration.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a key of the [emulator] table. Can be repeated.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="SPEC",
    help="Plant a fault, as `close,named=quota,turns=2`. Can be repeated.",
)
@click.option("--as-of", metavar="DATE", help="Serve the models that existed on this day, as 2025-09-19.")
@click.option(
    "--seed", type=Whole(0, 2**31 - 1), default=0, show_default=True, metavar="N", help="Seed of all random choices."
)
@click.option("--replies", "replies_dir", type=_FILE, metavar="DIR", help="Folder with your own recorded replies.")
@click.option(
    "--transcript",
    "transcript_dir",
    type=_FILE,
    metavar="DIR",
    help="Folder in which to save every message and all audio.",
)
@click.option(
    "--truth",
    "truth_path",
    type=_FILE,
    metavar="FILE",
    help="File to which to append what the emulator did, as JSON lines.",
)
@click.option(
    "--ca", "ca_path", type=_FILE, metavar="FILE", help="File in which to save the certificate that clients must trust."
)
@out_option
@embed_option
@fail_on_option
def command(*, scenario: str | None, as_of: str | None, fail_on: str, **given: Any) -> int:
    """Run the simulated Live API until Ctrl-C, and judge the clients that used it.

    Any client of the Live API can connect. The first lines of output say how. The emulator checks model, modality and
    key, reads the audio at its declared rate, and answers with recorded speech.

    A line is printed for each turn. After Ctrl-C the findings are printed and a report is written. What the user says
    and hears is not recorded, so the exit code is 4 if nothing worse was found, and 130 if no client connected.

    docs/emulator.md lists all keys and faults.
    """
    from diag.api.serve import serve
    from diag.cli.output import show_report, show_text

    output = options_from({name: given.pop(name) for name in ("out", "embed")})
    report = serve(scenario=scenario, as_of=as_of, tell=show_text, output=output, **given)
    if report is None:
        click.echo("Stopped.", err=True)
        return int(ExitCode.STOPPED)
    return show_report(report, as_json=False, fail_on=fail_on)
