"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from diag.api.options import AUTO_TAKES, MAX_TAKES, Options
from diag.core.chain import PORTS
from diag.core.errors import BadInputError
from diag.report.exports import format_named, format_names
from diag.report.language import LANGUAGES, speaking

Command = Callable[..., Any]


class Whole(click.ParamType[int]):
    """Whole number in a range."""

    name = "number"

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number: int | None = int(str(value))
        except ValueError:
            number = None
        if number is None or not self.low <= number <= self.high:
            raise BadInputError(
                f"Could not use {_named(param)} {value}",
                seen="not a whole number" if number is None else "out of range",
                allowed=f"a whole number from {self.low} to {self.high}",
                next_step=f"write for example {_named(param)} {max(self.low, 5)}",
            )
        return number


class Takes(Whole):
    """Number of takes, or "auto", which is `AUTO`."""

    AUTO = 0

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return self.AUTO if value == "auto" else super().convert(value, param, ctx)


class Numbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers from 1 on, separated by commas."""

    name = "numbers"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isascii() and part.isdecimal() and int(part) > 0 for part in parts):
            raise BadInputError(
                f"Could not use {_named(param)} {value}",
                seen="not numbers separated by commas",
                allowed="whole numbers from 1 on, as 1,5,20",
                next_step=f"write for example {_named(param)} 1,5,20",
            )
        return tuple(map(int, parts))


class OneOf(click.Choice[str]):
    """One of several words."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            close = difflib.get_close_matches(str(value), self.choices, n=1)
            raise BadInputError(
                f"Could not use {_named(param)} {value}",
                seen="no such choice",
                allowed=", ".join(self.choices),
                next_step=f"write {_named(param)} {close[0] if close else self.choices[0]}",
            )
        return str(value)


class DeviceOfPort(click.ParamType[tuple[str, str]]):
    """A port and the device for it, as `PORT=NAME`."""

    name = "port=name"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        port, equals, name = str(value).partition("=")
        if port not in PORTS or not equals or not name.strip():
            raise BadInputError(
                f"Could not use --device {value}",
                seen="not of the form PORT=NAME" if not equals or not name.strip() else f"unknown port `{port}`",
                allowed=f"PORT is {', '.join(PORTS[:-1])} or {PORTS[-1]}, and NAME the name or number of a device",
                next_step="list the devices with `diag devices`",
            )
        return port, name.strip()


def _named(param: click.Parameter | None) -> str:
    return max(param.opts, key=len) if param is not None and param.opts else "this option"


def _stacked(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


audio_option = click.option(
    "--audio", type=OneOf(["wire", "virtual", "system"]), default="virtual", show_default=True,
    help="Where the audio goes. wire: no devices. virtual: devices that diag creates and removes. "
    "system: the devices of this machine.",
)  # fmt: skip
endpoint_option = click.option(
    "--endpoint", default="emulator", show_default=True, metavar="[emulator|gemini|URL]",
    help="Which service answers. emulator: the simulated service in diag. gemini: the real service, which needs a key "
    "and may cost money. URL: any other address.",
)  # fmt: skip


def _note_port(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Keep the device of `--mouth` or `--ear` for `chosen_devices`."""
    if value is not None:
        port = parameter.opts[0].lstrip("-")
        closed = value.strip().casefold() == "none"
        context.meta.setdefault(_PORTS, {})[port] = "person" if closed and port == "mouth" else value.strip()


def chosen_devices(devices: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return port to device name from `--device`, `--mouth` and `--ear`."""
    context = click.get_current_context(silent=True)
    return {**dict(devices), **(context.meta.get(_PORTS, {}) if context is not None else {})}


_PORTS = "diag.ports"
device_option = _stacked(
    click.option(
        "--device", "devices", type=DeviceOfPort(), multiple=True, metavar="PORT=NAME",
        help="With --audio system: the device for a port. PORT is mouth, microphone, speaker or ear. Can be repeated.",
    ),
    click.option(
        "--mouth", metavar="NAME|none", expose_value=False, callback=_note_port,
        help="With --audio system: the loudspeaker that speaks the prompts. none: a person speaks them.",
    ),
    click.option(
        "--ear", metavar="NAME|none", expose_value=False, callback=_note_port,
        help="With --audio system: the microphone that records what is heard. none: nothing is measured at the ear.",
    ),
)  # fmt: skip
json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Write one JSON document to standard output, and everything else to standard error.",
)
fail_on_option = click.option(
    "--fail-on", type=OneOf(["error", "warning", "never"]), default="error", show_default=True,
    help="Lowest severity of a finding that gives exit code 1.",
)  # fmt: skip


def _speak(context: click.Context, _parameter: click.Parameter, value: str) -> None:
    """Show texts in this language until the command has ended."""
    context.with_resource(speaking(value))


lang_option = click.option(
    "--lang", type=OneOf(LANGUAGES), default="en", show_default=True, expose_value=False, callback=_speak,
    help="Language of the HTML report and the text: English or Korean. JSON and other formats stay English.",
)  # fmt: skip
out_option = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=True), default=None, metavar="DIR",
    help="Folder for runs and reports.  [default: reports]",
)  # fmt: skip
embed_option = click.option(
    "--embed", type=OneOf(["evidence", "all", "none"]), default="evidence", show_default=True,
    help="Audio in the report. evidence: short clips around each finding. all: all recordings of the take shown. "
    "none: no audio.",
)  # fmt: skip
format_options = _stacked(
    click.option(
        "--format", "formats", type=OneOf(format_names()), multiple=True, metavar=f"[{'|'.join(format_names())}]",
        help="Write the report in this format too, beside the HTML file. Can be repeated.",
    ),
    click.option(
        "--link", default=None, metavar="URL",
        help="Where the HTML report will be found, for formats that link to it.  [default: its file name]",
    ),
)  # fmt: skip
resume_option = click.option(
    "--resume", type=click.Path(path_type=Path), default=None, metavar="RUN",
    help="Folder of an unfinished run. Takes that are missing, damaged or discarded are recorded. "
    "The run keeps its own takes, prompts, audio, endpoint and seed.",
)  # fmt: skip

voice_option = click.option(
    "--voice", type=click.Path(path_type=Path), default=None, metavar="PROFILE",
    help="Profile of the voice that replies must have. `diag voice make` creates it. Replies that are dull for this "
    "voice, or spoken by another one, are found.",
)  # fmt: skip
room_option = click.option(
    "--room", default=None, metavar="NAME|WAV",
    help="With --audio virtual: acoustics between the devices, such as laptop, meeting_room or headset, or a file with "
    "impulse responses of your own.",
)  # fmt: skip
prompt_option = click.option(
    "--prompt", "prompts", multiple=True, metavar="NAME|WAV",
    help="What is said to the service: the name of a recorded prompt, or an audio file. Can be repeated.",
)  # fmt: skip
seed_option = click.option(
    "--seed", type=Whole(0, 2**31 - 1), default=0, show_default=True, metavar="N", help="Seed of all random choices.",
)  # fmt: skip
take_options = _stacked(
    click.option("--takes", type=Takes(1, MAX_TAKES), default=5, show_default=True, metavar="N|auto",
                 help="Number of takes per configuration. auto, for compare and bench: until the comparison decides, "
                 "at most 40."),
    prompt_option,
    click.option("--turns", type=click.Path(path_type=Path), default=None, metavar="FILE",
                 help="Script of a conversation with several turns: a TOML file with [[turns]]. "
                 "It replaces the prompts of the configuration."),
    audio_option,
    room_option,
    device_option,
    endpoint_option,
    voice_option,
    out_option,
    seed_option,
    click.option("--as-of", metavar="DATE",
                 help="Let the simulated service have the models of this day, as 2025-09-19."),
    click.option("--rigs", type=Whole(1, 64), default=None, metavar="N",
                 help="Number of takes recorded at the same time.  [default: depends on the number of cores]"),
    click.option("--cluster", default=None, metavar="ADDRESS",
                 help="Record the takes on the workers of a Dask scheduler, as tcp://HOST:8786, that offer rigs. "
                 "Needs the extra `cluster`."),
    embed_option,
    format_options,
    json_option,
    fail_on_option,
)  # fmt: skip
app_options = _stacked(
    click.option("--app", default=None, metavar="URL|COMMAND",
                 help="Your own app as the client: the address of a page, or a command that opens the default "
                 "microphone and speaker. "
                 "It replaces [app] of the configuration."),
    click.option("--follow", is_flag=True, help="Show the output of the app while it runs."),
)  # fmt: skip


def refuse_unused_devices(audio: str, devices: Collection[object]) -> None:
    """Refuse `--device` where the audio is not that of this machine.

    Raises
    ------
    BadInputError
        If a device is given and `audio` is not "system".
    """
    if devices and audio != "system":
        raise BadInputError(
            "Could not use --device, --mouth or --ear",
            seen=f"a device with --audio {audio}",
            allowed="devices with --audio system",
            next_step="add `--audio system`, or leave the device out",
        )


_OF_THE_RUN = ("takes", "prompts", "audio", "room", "devices", "endpoint", "voice", "seed", "as_of", "turns")
"""Options that a resumed run keeps. Takes recorded with other options could not be compared with the first ones."""


def _refuse_changes(context: click.Context) -> None:
    typed = [
        max(option.opts, key=len)
        for option in context.command.params
        if option.name in _OF_THE_RUN and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    ]
    if typed:
        raise BadInputError(
            "Could not use --resume",
            seen=f"{' and '.join(typed)} together with it",
            allowed="the takes, prompts, audio, room, devices, endpoint, voice and seed that the run was started with",
            next_step=f"leave out {' and '.join(typed)}, or start a new run",
        )


def typed_options() -> frozenset[str]:
    """Return the names of the parameters of this command that were typed, and not left at their defaults."""
    context = click.get_current_context()
    names = (option.name for option in context.command.params if option.name is not None)
    return frozenset(name for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE)


def options_from(given: dict[str, Any]) -> Options:
    """Return the options of the Python API from those of the command line; options it does not have are ignored."""
    if given.get("resume") is not None:
        _refuse_changes(click.get_current_context())
    devices = chosen_devices(given.get("devices", ()))
    refuse_unused_devices(given.get("audio", "system"), devices)
    names = (
        "takes", "prompts", "audio", "endpoint", "out", "seed", "rigs", "embed", "resume", "voice", "as_of", "app",
        "follow", "formats", "link", "room", "turns", "cluster",
    )  # fmt: skip
    values = {name: given[name] for name in names if name in given}
    if values.get("takes") == Takes.AUTO:
        values.update(takes=AUTO_TAKES[0], auto=True)
    for name in given.get("formats", ()):
        format_named(name)  # a missing library is reported before anything is recorded
    context = click.get_current_context(silent=True)
    if context is not None and "fail_on" in context.params:
        values["fail_on"] = context.params["fail_on"]
    return Options(**values, devices=devices)
