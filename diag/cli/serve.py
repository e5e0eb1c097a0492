"""`diag serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import Whole
from diag.core.errors import ExitCode

_FILE = click.Path(path_type=Path)


@click.command(
    "serve",
    cls=Worded,
    short_help="The simulated Live API, for any client.",
    examples=(
        "diag serve",
        "diag serve --port 8443 --scenario slow_service",
        "diag serve --fault slow_first_audio,delay_s=4 --fault drop_chunk,share=0.1",
        "diag serve --set think_s=1.5 --set down=tls",
        "diag serve --as-of 2025-09-19 --truth truth.jsonl",
    ),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=Whole(0, 65535), default=0, metavar="N", help="Port.  [default: a free one]")
@click.option("--plain", is_flag=True, help="http:// and ws:// in place of TLS.")
@click.option("--scenario", metavar="CONFIG", help="Behave as the [emulator] table of a configuration says.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A key of [emulator]; repeatable.")
@click.option("--fault", "faults", multiple=True, metavar="SPEC", help="As `close,named=quota,turns=2`; repeatable.")
@click.option("--as-of", metavar="DATE", help="Serve the models of that day, as 2025-09-19.")
@click.option("--seed", type=Whole(0, 2**31 - 1), default=0, show_default=True, metavar="N", help="Seed of all draws.")
@click.option("--replies", "replies_dir", type=_FILE, metavar="DIR", help="Recorded replies of your own.")
@click.option("--transcript", "transcript_dir", type=_FILE, metavar="DIR", help="Keep every frame and all audio here.")
@click.option("--truth", "truth_path", type=_FILE, metavar="FILE", help="Append what really happened, as JSON lines.")
@click.option("--ca", "ca_path", type=_FILE, metavar="FILE", help="Write the certificate to trust here.")
def command(*, scenario: str | None, as_of: str | None, **given: Any) -> int:
    """Serve a simulated Live API until Ctrl-C.

    Any client of the Live API may connect; how is printed at the start. It validates model, modality and key, hears
    the audio at its declared rate, and answers with recorded speech.
    """
    from diag.api.serve import serve

    serve(scenario=scenario, as_of=as_of, on_listening=click.echo, **given)
    click.echo("Stopped.", err=True)
    return int(ExitCode.STOPPED)
