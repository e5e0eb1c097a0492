"""`diag doctor`."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from diag.cli.help_examples import Worded
from diag.cli.options import (
    OneOf,
    audio_option,
    chosen_devices,
    device_option,
    endpoint_option,
    json_option,
    lang_option,
    out_option,
    refuse_unused_devices,
)
from diag.core.errors import BadInputError


@click.command(
    "doctor",
    cls=Worded,
    short_help="Check that this machine and a configuration are ready.",
    examples=(
        "diag doctor",
        "diag doctor my_app.toml",
        "diag doctor healthy --endpoint gemini --audio system",
        "diag doctor --setup frame.json --as-of 2025-09-19",
    ),
)
@click.argument("config", default="healthy")
@audio_option
@device_option
@endpoint_option
@out_option
@click.option(
    "--setup",
    "frame",
    metavar="FILE",
    help="Only judge the setup frame in this JSON file, without connecting. - reads standard input.",
)
@click.option("--as-of", metavar="DATE", help="Judge for the models that existed on this day, as 2025-09-19.")
@click.option(
    "--api-version",
    type=OneOf(["v1", "v1beta", "v1alpha", "vertex"]),
    default="v1beta",
    show_default=True,
    help="With --setup: the address that the frame is sent to.",
)
@lang_option
@json_option
def command(
    config: str,
    *,
    audio: str,
    devices: tuple[tuple[str, str], ...],
    endpoint: str,
    out: Path | None,
    frame: str | None,
    as_of: str | None,
    api_version: str,
    as_json: bool,
) -> int:
    """Check this machine and a configuration before the first take, or a setup frame alone.

    The checks cover packages, audio, loopback delay, key, the models of the service, and the setup. Each check shows
    what was seen. If something is wrong, the next line says how to fix it.

    The real service is contacted only with --endpoint gemini, and only for its list of models.

    --setup judges the first message of a session, as your client sends it: unknown fields, wrong names, places, types
    and values, the model, the missing modality, and settings that the model does not take. It connects to nothing, and
    prints the corrected frame.

    Exit code 3 means that this machine cannot measure. Exit code 1 means that the configuration or the frame cannot
    work. Exit code 2 means that the file holds no setup frame.
    """
    from diag.api.doctor import as_document, examine, exit_code
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.report.terminal import check_text

    _refuse_what_does_not_go_together(frame)
    if frame is not None:
        return _judge_frame(frame, as_of=as_of, api_version=api_version, as_json=as_json)
    chosen = chosen_devices(devices)
    refuse_unused_devices(audio, chosen)
    checks = []
    for check in examine(config, audio=audio, endpoint=endpoint, devices=chosen, out=out, as_of=as_of):
        checks.append(check)
        show_text(check_text(check, terminal_width(err=as_json)), err=as_json)
    if as_json:
        show_json(as_document(tuple(checks)))
    return int(exit_code(tuple(checks)))


def _judge_frame(path: str, *, as_of: str | None, api_version: str, as_json: bool) -> int:
    from diag.api.setup_check import check_setup
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.report.setup_text import setup_text

    check = check_setup(path, as_of=as_of, api_version=api_version)
    text = setup_text(
        check.verdict, source=check.source, api_version=api_version, day=check.day, width=terminal_width(err=as_json)
    )
    show_text(text, err=as_json)
    if as_json:
        show_json(check.to_json())
    return int(check.exit_code)


def _refuse_what_does_not_go_together(frame: str | None) -> None:
    context = click.get_current_context()
    unused = ("config", "audio", "devices", "endpoint", "out") if frame is not None else ("api_version",)
    typed = [
        max(parameter.opts, key=len)
        for parameter in context.command.params
        if parameter.name in unused and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]
    if typed and frame is not None:
        raise BadInputError(
            "Could not use --setup",
            seen=f"{' and '.join(typed)} together with it",
            allowed="--setup with --as-of, --api-version and --json: it judges one frame and nothing else",
            next_step=f"leave out {' and '.join(typed)}, or leave out --setup",
        )
    if typed:
        raise BadInputError(
            "Could not use --api-version",
            seen="--api-version without --setup",
            allowed="--api-version with --setup; a configuration has its own `api_version`",
            next_step="add `--setup FILE`, or leave --api-version out",
        )
