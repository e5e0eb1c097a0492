"""Scenarios: the content of a TOML file in `scenarios/`, and how to find and read one.

The client's own settings (`session`, `capture`, `send`, `playback`, `turn`, `setup`) form `ClientConfig`, which is
saved with the take. `emulator`, `faults` and `expect` are not, so that no rule can read the answer from them.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from diag.core.client_config import ClientConfig, ConfigModel
from diag.core.errors import BadInputError, did_you_mean
from diag.core.json_reading import read_json
from diag.core.plain_text import quotable
from diag.files.planted import Planted
from diag.files.scenario_folders import configuration_files, group_files, scenario_folders
from diag.files.toml_text import read_toml
from diag.files.turn_script import ScriptedStep, StepKind
from diag.files.whole_files import read_limited

MAX_SCENARIO_BYTES = 1_000_000
MAX_STEPS = 1000
"""Steps of one conversation."""


class Faults(ConfigModel):
    """Faults that diag plants on purpose. Metrics and rules cannot see them."""

    speaker_connected: bool = True
    player_squeeze_hz: int | None = Field(None, ge=4000, le=48000)
    planted: tuple[Planted, ...] = ()

    def on(self, hop: str) -> tuple[Planted, ...]:
        """Return the faults that are planted on a hop, in the order of the file."""
        return tuple(item for item in self.planted if item.hop == hop)


class Expect(ConfigModel):
    """The findings that are expected of a scenario.

    `findings` are codes of root findings: all of them must be found, and no others. `consequences` are codes that may
    be found in addition, as consequences of these.
    """

    findings: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()


class Ready(ConfigModel):
    """What shows that an app listens.

    `output` is a regular expression; a program listens once a line of its output matches. `text` is a text; a page
    listens once it shows it.
    """

    output: str | None = None
    text: str | None = None

    @field_validator("output")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression ({error})") from None
        return value


class StartStep(ConfigModel):
    """One thing that a user does on a page to start the conversation: one of `click`, `fill` and `wait_s`.

    `click` and `fill` are selectors as Playwright knows them (CSS, `text=…`); `text` is what is filled in.
    """

    click: str | None = None
    fill: str | None = None
    text: str = ""
    wait_s: float | None = Field(None, ge=0, le=60)

    @model_validator(mode="after")
    def _does_one_thing(self) -> StartStep:
        if sum(value is not None for value in (self.click, self.fill, self.wait_s)) != 1:
            raise ValueError("a step has one of `click`, `fill` and `wait_s`")
        return self


class AppConfig(ConfigModel):
    """The user's own app as the client of the takes: a program (`command`) or a web page (`url`).

    `command` and `serve` are split into words as a shell does, but no shell runs them. `directory` is their working
    directory: by default that of the configuration file. `serve` is started before the page is opened and ended after
    the take. `{port}` in `serve` and `url` is a free port, another for each take. `start` is what a user does on the
    page; without it the usual button is clicked, which is found by its label. `hosts` maps host names to addresses for
    the page's browser alone. Without `ready`, the app listens once the service has accepted its setup.
    """

    command: str | None = Field(None, min_length=1)
    url: str | None = None
    serve: str | None = Field(None, min_length=1)
    start: tuple[StartStep, ...] | None = None
    hosts: dict[str, str] = Field(default_factory=dict)
    directory: Path | None = None
    ready: Ready = Ready()
    ready_within_s: float = Field(30.0, gt=0, le=600)

    @field_validator("command", "serve")
    @classmethod
    def _is_a_command(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"cannot be split into words ({error})") from None
        if not words:
            raise ValueError("has no words")
        return value

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"https?://[^/\s]|file:///", value):
            raise ValueError("not an address of a page; it begins with http:// or https://")
        return value

    @model_validator(mode="after")
    def _is_one_app(self) -> AppConfig:
        if (self.command is None) == (self.url is None):
            raise ValueError("needs `command` (a program) or `url` (a page), one of them")
        if self.command is not None and (self.serve or self.start or self.ready.text or self.hosts):
            raise ValueError("`serve`, `start`, `hosts` and `ready.text` are for a page (`url`)")
        if ("{port}" in (self.url or "")) != ("{port}" in (self.serve or "")):
            raise ValueError("`{port}` stands in both `url` and `serve`, or in neither")
        if self.url is not None and self.ready.output:
            raise ValueError("`ready.output` is for a program (`command`); a page has `ready = { text = … }`")
        return self

    @property
    def alone(self) -> bool:
        """Whether two takes with this app cannot run side by side, because its server has a fixed port."""
        return self.serve is not None and "{port}" not in self.serve

    @property
    def words(self) -> tuple[str, ...]:
        """Program and arguments of `command`, or of `serve`; empty if there is neither."""
        return tuple(shlex.split(self.command or self.serve or ""))


class RoomConfig(ConfigModel):
    """The acoustics of a virtual rig: a room by name, or the user's own file with impulse responses.

    `echo_db` sets the level of the path from speaker to microphone. `noise_dbfs` sets the level of the background
    noise. Without them, both are those of the room.
    """

    name: str = Field(min_length=1)
    echo_db: float | None = Field(None, ge=-100, le=20)
    noise_dbfs: float | None = Field(None, ge=-120, le=-10)


class Scenario(ConfigModel):
    """One configuration under test.

    With `app`, the client of the takes is the user's own app, and the tables of diag's own client are not used.

    `voice` is the file of a voice profile that replies are compared with. In a TOML file it is relative to the file's
    folder.

    `turns` is the script of a conversation. Every take then plays all of it, and `prompts` is not used.
    """

    name: str
    title: str = ""
    shows: str = ""
    prompts: tuple[str, ...] = ()
    turns: tuple[ScriptedStep, ...] = ()
    voice: str | None = None
    client: ClientConfig = ClientConfig()
    emulator: dict[str, Any] = Field(default_factory=dict)
    faults: Faults = Faults()
    expect: Expect = Expect()
    app: AppConfig | None = None
    room: RoomConfig | None = None

    @field_validator("name")
    @classmethod
    def _name_is_a_file_name(cls, value: str) -> str:
        if not value or any(character in value for character in "/\\\0"):
            raise ValueError("a scenario's name must be usable as a file name")
        return value

    @field_validator("turns")
    @classmethod
    def _begins_with_a_prompt(cls, value: tuple[ScriptedStep, ...]) -> tuple[ScriptedStep, ...]:
        if len(value) > MAX_STEPS:
            raise ValueError(f"{len(value)} steps; allowed: up to {MAX_STEPS}")
        if value and value[0].kind is not StepKind.PROMPT:
            raise ValueError(f"the first step is of kind `{value[0].kind}`; allowed: kind `prompt` first")
        return value

    @model_validator(mode="after")
    def _has_prompts_or_turns(self) -> Scenario:
        if self.prompts and self.turns:
            raise ValueError("`prompts` and `turns` together; allowed: one of them, with prompts named in [[turns]]")
        return self


_CLIENT_TABLES = tuple(ClientConfig.model_fields)
_TOP_KEYS = (
    "title", "shows", "prompts", "turns", "voice", "emulator", "faults", "expect", "app", "room", "setup_file",
    *_CLIENT_TABLES,
)  # fmt: skip


def read_scenario(path: Path) -> Scenario:
    """Read a configuration file.

    Raises
    ------
    BadInputError
        If the file is missing, too large, not UTF-8, not TOML, or has a key or a value that is not allowed.
    """
    attempted = f"Could not read the configuration {path}"
    data = _read_toml(path, attempted)
    if "setup_file" in data and not {"setup", "setup_frame"} & set(data):
        name = data.pop("setup_file")
        data["setup_frame"] = _read_frame(path.parent / str(name), attempted)
    return _in_its_folder(scenario_from_mapping(path.stem, data, attempted=attempted), path)


def read_turns(path: Path) -> tuple[ScriptedStep, ...]:
    """Read the script of a conversation: the `[[turns]]` of a TOML file, whose other keys are not used.

    Raises
    ------
    BadInputError
        If the file cannot be read, or has no `[[turns]]`, or one that is not allowed.
    """
    attempted = f"Could not read the turns in {path}"
    data = _read_toml(path, attempted)
    if not data.get("turns"):
        raise BadInputError(
            attempted,
            seen="no `[[turns]]`",
            allowed="a TOML file with one `[[turns]]` table for each step",
            next_step="see docs/conversations.md",
        )
    return scenario_from_mapping(path.stem, {"turns": data["turns"]}, attempted=attempted).turns


def _read_toml(path: Path, attempted: str) -> dict[str, Any]:
    try:
        text = read_limited(path, MAX_SCENARIO_BYTES).decode("utf-8")
    except FileNotFoundError:
        raise BadInputError(
            attempted, seen="no such file", next_step="check the path; `diag run --help` lists the known names"
        ) from None
    except UnicodeDecodeError:
        raise BadInputError(
            attempted,
            seen="it is not text",
            allowed="a TOML file in UTF-8",
            next_step="name a file such as my_app.toml; `diag analyze` judges audio files",
        ) from None
    except OSError as error:
        raise BadInputError(
            attempted, seen=error.strerror or str(error), next_step="check the path and its permissions"
        ) from None
    except ValueError as error:
        raise BadInputError(
            attempted,
            seen=str(error),
            allowed=f"a TOML file of at most {MAX_SCENARIO_BYTES} bytes",
            next_step="name a file such as my_app.toml",
        ) from None
    try:
        return read_toml(text)
    except ValueError as error:
        raise BadInputError(
            attempted, seen=str(error), allowed="TOML as in docs/configuration.md", next_step="correct that line"
        ) from None


def _in_its_folder(scenario: Scenario, path: Path) -> Scenario:
    """Return the scenario with its voice, its room and the directory of its app made absolute."""
    update: dict[str, Any] = {}
    if scenario.voice is not None:
        update["voice"] = str(path.parent.resolve() / scenario.voice)
    if scenario.room is not None and (path.parent / scenario.room.name).is_file():
        own = str((path.parent / scenario.room.name).resolve())
        update["room"] = scenario.room.model_copy(update={"name": own})
    if scenario.app is not None:
        directory = (path.parent / (scenario.app.directory or ".")).resolve()
        update["app"] = scenario.app.model_copy(update={"directory": directory})
    return scenario.model_copy(update=update)


def _read_frame(path: Path, attempted: str) -> str:
    """Return the text of the file that `setup_file` names."""
    try:
        return read_limited(path, MAX_SCENARIO_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise BadInputError(
            attempted,
            seen=f"setup_file {path}: {(isinstance(error, OSError) and error.strerror) or error}",
            allowed=f"a UTF-8 JSON file up to {MAX_SCENARIO_BYTES} bytes; its path is relative to the configuration",
            next_step="correct `setup_file`",
        ) from None


def scenario_from_mapping(name: str, data: dict[str, Any], *, attempted: str) -> Scenario:
    """Build a scenario from the content of a TOML file. `attempted` is the beginning of the error sentence.

    Raises
    ------
    BadInputError
        If keys are unknown or values are not allowed. The message names all of them.
    """
    problems = [_unknown_key(key, key, _TOP_KEYS) for key in data if key not in _TOP_KEYS]
    own = set(_TOP_KEYS) - {"setup_file", *_CLIENT_TABLES}
    fields = {key: value for key, value in data.items() if key in own}
    fields["client"] = {key: value for key, value in data.items() if key in _CLIENT_TABLES}
    problems += [*_frame_problems(data), *_problems_of_numbers(data)]
    try:
        scenario = Scenario.model_validate({"name": name, **fields})
    except ValidationError as error:
        problems += _problems(error)
    else:
        if not problems:
            return scenario
    if len(problems) == 1:
        raise BadInputError(attempted, seen=problems[0].seen, allowed=problems[0].allowed, next_step=problems[0].fix)
    # With several problems only the hints are shown; the allowed values of all keys would make the message too long.
    each = ", ".join(f"{item.seen} ({item.hint})" if item.hint else item.seen for item in problems)
    raise BadInputError(
        attempted,
        seen=f"{len(problems)} problems: {each}",
        next_step="correct them; docs/configuration.md has all keys",
    )


@dataclass(frozen=True)
class _Problem:
    """One problem in a configuration. `hint` is the short help that is shown if there are several problems."""

    place: str
    seen: str
    allowed: str
    fix: str
    hint: str


def first_problem(error: ValidationError) -> str:
    """Return a description of the first problem in a configuration."""
    return _problems(error)[0].seen


def _problems(error: ValidationError) -> list[_Problem]:
    found: dict[str, _Problem] = {}
    for item in error.errors(include_url=False):
        place = [part for part in item["loc"] if part != "client"]
        dotted = ".".join(str(part) for part in place) or "the configuration"
        if item["type"] == "extra_forbidden":
            problem = _unknown_key(dotted, str(place[-1]), _known_keys([str(part) for part in place[:-1]]))
        elif item["type"] == "value_error" and ((place and isinstance(place[-1], int)) or "; allowed: " in item["msg"]):
            # The validator of a whole table writes the message itself.
            seen, _, allowed = str(item["msg"]).removeprefix("Value error, ").partition("; allowed: ")
            problem = _Problem(dotted, f"{dotted}: {seen}", allowed, f"correct `{dotted}`", allowed)
        elif item["type"] == "missing":
            problem = _Problem(dotted, f"no `{dotted}`", "", f"add `{dotted}`", "")
        else:
            allowed = _allowed(place, item["msg"])
            seen = f"{dotted} = {quotable(repr(item['input']))}"
            problem = _Problem(dotted, seen, allowed, f"correct `{dotted}`", f"allowed: {allowed}")
        found.setdefault(dotted, problem)
    return list(found.values())


def _frame_problems(data: Mapping[str, Any]) -> list[_Problem]:
    """Return what is wrong with a first message of the client's own, and what does not go together with it."""
    given = [name for name in ("setup", "setup_file", "setup_frame") if name in data]
    if not given:
        return []
    name = given[0]
    if len(given) > 1:
        return [_Problem(name, " and ".join(f"`{item}`" for item in given), "one of them", "keep one of them", "")]
    problems = []
    session = data.get("session")
    others = [key for key in session if key != "api_version"] if isinstance(session, Mapping) else []
    if others:
        seen = f"`session.{others[0]}` together with `{name}`"
        fix = f"put it into the frame, and remove `session.{others[0]}`"
        problems.append(_Problem("session", seen, "only `api_version` in [session]", fix, fix))
    try:
        whole = read_json(data[name] if name == "setup_frame" else json.dumps(data[name]))
    except (AttributeError, TypeError, ValueError) as error:
        fix = "check it with `diag doctor --setup FILE`" if name == "setup_frame" else "write dates and times as text"
        return [*problems, _Problem(name, f"`{name}` is not JSON: {error}", "a JSON object", fix, fix)]
    if not isinstance(whole, dict):
        problems.append(_Problem(name, f"`{name}` is not a JSON object", "a JSON object", f"correct `{name}`", ""))
    return problems


def _problems_of_numbers(data: Mapping[str, Any]) -> list[_Problem]:
    """Return the tables of free content that have a number that cannot be sent or saved as JSON."""
    session = data.get("session")
    free = {
        "session.extra": session.get("extra") if isinstance(session, Mapping) else None,
        "emulator": data.get("emulator"),
        "setup": data.get("setup"),
    }
    found = []
    for place, table in free.items():
        if isinstance(table, Mapping) and not _is_finite(table):
            seen, allowed = f"a number in `{place}` that is not finite", "finite numbers"
            found.append(_Problem(place, seen, allowed, f"correct `{place}`", f"allowed: {allowed}"))
    return found


def _is_finite(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(_is_finite(inner) for inner in value.values())
    if isinstance(value, list):
        return all(_is_finite(inner) for inner in value)
    return not isinstance(value, float) or math.isfinite(value)


def _unknown_key(dotted: str, key: str, known: tuple[str, ...]) -> _Problem:
    close = difflib.get_close_matches(key, known, n=1)
    fix = f"did you mean `{close[0]}`?" if close else "remove it or correct its name"
    return _Problem(dotted, f"unknown key `{dotted}`", ", ".join(known), fix, fix if close else "")


def _known_keys(place: list[str]) -> tuple[str, ...]:
    return tuple(_model_at(place).model_fields)


def _model_at(place: Sequence[object]) -> type[BaseModel]:
    model: type[BaseModel] = ClientConfig if place and place[0] in _CLIENT_TABLES else Scenario
    for part in place:
        annotation = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if get_origin(annotation) is tuple:
            annotation = get_args(annotation)[0]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return model


def _allowed(place: Sequence[object], message: str) -> str:
    """Return the allowed values of a key in words, or pydantic's message if the type does not describe them."""
    key = next((part for part in reversed(place) if isinstance(part, str)), "")
    field = _model_at(place).model_fields.get(key)
    if field is None:
        return message if key not in _TOP_KEYS else "a table"
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)]
    kind = kinds[0] if get_origin(field.annotation) is UnionType else field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(str(choice) for choice in get_args(kind))
    words = _KINDS.get(kind) or _KINDS.get(get_origin(kind), message)
    limits = {name: getattr(limit, name) for limit in field.metadata for name in _LIMITS if hasattr(limit, name)}
    span = " ".join(f"{_LIMITS[name]} {value:g}" for name, value in limits.items())
    return f"{words} {span}".strip()


_KINDS: Mapping[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text in quotes",
    tuple: "a list of texts in quotes",
    dict: "a table",
}
_LIMITS = {"gt": "above", "ge": "from", "lt": "and below", "le": "up to"}


def find_scenarios(names: Sequence[str]) -> list[Scenario]:
    """Return configurations by path or name, without duplicates. The name of a folder selects all files in it.

    Raises
    ------
    BadInputError
        As `find_scenario`.
    """
    found: dict[str, Scenario] = {}
    for name in names:
        files = group_files(name)
        for scenario in map(read_scenario, files) if files else (find_scenario(name),):
            found.setdefault(scenario.name, scenario)
    return list(found.values())


def find_scenario(name_or_path: str) -> Scenario:
    """Return a configuration by its path, or by its name (see `diag.files.scenario_folders`).

    The name of a configuration in a subfolder of `scenarios` includes the subfolder, for example "faults/ply003".

    Raises
    ------
    BadInputError
        If there is no configuration of that name, or it cannot be read.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" or os.path.isfile(path):
        return read_scenario(path)
    known = configuration_files()
    if name_or_path in known:
        return read_scenario(known[name_or_path])
    for folder in scenario_folders():
        inner = folder / f"{name_or_path}.toml"
        if os.path.isfile(inner):
            return read_scenario(inner)
    raise BadInputError(
        f"Could not find the configuration `{name_or_path}`",
        seen="no such file and no configuration of that name",
        allowed=f"a path to a TOML file, a saved run, or one of {', '.join(known)}",
        next_step=did_you_mean(name_or_path, known, "choose one of these"),
    )
