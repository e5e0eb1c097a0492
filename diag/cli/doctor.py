"""`diag doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from diag.cli.help_examples import Worded
from diag.cli.options import (
    audio_option,
    device_option,
    endpoint_option,
    json_option,
    out_option,
    refuse_unused_devices,
)


@click.command(
    "doctor",
    cls=Worded,
    short_help="Check that this machine and a configuration are ready.",
    examples=(
        "diag doctor",
        "diag doctor my_app.toml",
        "diag doctor healthy --endpoint gemini --audio system",
    ),
)
@click.argument("config", default="healthy")
@audio_option
@device_option
@endpoint_option
@out_option
@json_option
def command(
    config: str, *, audio: str, devices: tuple[tuple[str, str], ...], endpoint: str, out: Path | None, as_json: bool
) -> int:
    """Check this machine and a configuration before the first take.

    The checks cover packages, audio, loopback delay, key, the models of the service, and the setup. Each check shows
    what was seen. If something is wrong, the next line says how to fix it.

    The real service is contacted only with --endpoint gemini, and only for its list of models.

    Exit code 3 means that this machine cannot measure. Exit code 1 means that the configuration cannot work.
    """
    from diag.api.doctor import as_document, examine, exit_code
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.report.terminal import check_text

    refuse_unused_devices(audio, devices)
    checks = []
    for check in examine(config, audio=audio, endpoint=endpoint, devices=dict(devices), out=out):
        checks.append(check)
        show_text(check_text(check, terminal_width(err=as_json)), err=as_json)
    if as_json:
        show_json(as_document(tuple(checks)))
    return int(exit_code(tuple(checks)))
