"""`diag devices`."""

from __future__ import annotations

import signal
from typing import Any

import click

from diag.cli.help_examples import Worded
from diag.cli.options import Whole, audio_option, chosen_devices, device_option, json_option, refuse_unused_devices
from diag.core.errors import BadInputError


@click.command(
    "devices",
    cls=Worded,
    short_help="List audio devices, create virtual ones, or measure their delay.",
    examples=(
        "diag devices",
        "diag devices --calibrate",
        'diag devices --calibrate --audio system --device speaker=USB --device ear="USB Line In"',
        "diag devices --hold --rigs 2",
    ),
)
@click.option("--calibrate", is_flag=True, help="Play test bursts and measure the delay from each output to the ear.")
@click.option("--hold", is_flag=True, help="Create virtual devices for other programs. They exist until Ctrl-C.")
@click.option(
    "--rigs",
    type=Whole(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="With --hold: number of sets of devices. A set has a mouth, a microphone, a speaker and an ear.",
)
@audio_option
@device_option
@json_option
def command(*, calibrate: bool, hold: bool, rigs: int, as_json: bool, **given: Any) -> int:
    """List the audio devices of this machine, with the sample rates that each one supports.

    Use the number of a device, or a unique part of its name, with --device.
    """
    if calibrate and hold:
        raise BadInputError(
            "Could not run `diag devices`",
            seen="--calibrate and --hold",
            allowed="one of them",
            next_step="leave one out",
        )
    for option, given_here, goes_with, used in (
        ("--device", bool(chosen_devices(given["devices"])), "--calibrate", calibrate),
        ("--rigs", rigs != 1, "--hold", hold),
    ):
        if given_here and not used:
            raise BadInputError(
                "Could not run `diag devices`",
                seen=f"{option} without {goes_with}",
                allowed=f"{option} with {goes_with}",
                next_step=f"add {goes_with}, or leave {option} out",
            )
    if hold:
        return _hold(rigs, as_json=as_json)
    return _calibrate(as_json=as_json, **given) if calibrate else _list(as_json=as_json)


def _list(*, as_json: bool) -> int:
    from diag.api.audio_check import devices_document, devices_text, found_devices, found_server
    from diag.cli.output import show_json, show_text, terminal_width

    devices, server = found_devices(), found_server()
    show_text(devices_text(devices, terminal_width(err=as_json), server), err=as_json)
    if as_json:
        show_json(devices_document(devices, server))
    return 0


def _calibrate(*, as_json: bool, audio: str, devices: tuple[tuple[str, str], ...]) -> int:
    from diag.api.audio_check import check_audio, measure_loopback
    from diag.api.doctor import as_document, exit_code
    from diag.cli.output import show_json, show_text, terminal_width
    from diag.report.terminal import check_text

    chosen = chosen_devices(devices)
    refuse_unused_devices(audio, chosen)
    checks = check_audio(audio, measure_loopback(audio, chosen))
    for check in checks:
        show_text(check_text(check, terminal_width(err=as_json)), err=as_json)
    if as_json:
        show_json(as_document(checks))
    return int(exit_code(checks))


def _hold(rigs: int, *, as_json: bool) -> int:
    from diag.api.audio_check import open_virtual_rigs, rigs_document, rigs_text
    from diag.cli.output import show_json, show_text

    with open_virtual_rigs(rigs) as farm:
        show_text(rigs_text(farm), err=as_json)
        if as_json:
            show_json(rigs_document(farm))
        try:
            signal.pause()
        except KeyboardInterrupt:
            raise KeyboardInterrupt("The virtual devices were removed.") from None
    return 0
