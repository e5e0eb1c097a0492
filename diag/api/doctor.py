"""Checks this machine and a configuration before a take is spent: what was seen, and the command that fixes it."""

from __future__ import annotations

import asyncio
import difflib
import importlib.metadata
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diag import __version__
from diag.core.client_config import SessionConfig
from diag.core.errors import CannotMeasureError, DiagError, ExitCode
from diag.core.keys import KEY_VARIABLES, key_variable
from diag.core.located_json import read_located_json
from diag.core.messages import msg
from diag.core.processes import cores
from diag.core.states import Check, State
from diag.core.units import counted, format_seconds
from diag.files.scenarios import Scenario
from diag.judge.setup_frame import NotAFrameError, judge_frame

if TYPE_CHECKING:
    from diag.record.live.genai import Endpoint

BUSY_LOAD_PER_CORE = 1.5
"""Processes that want a core, for each one there is; above it most takes were seen to be disturbed."""
LEAST_FREE_BYTES = 500_000_000
"""A take of 10 s holds 4 MB; a bench of 60 takes 250 MB."""
_DISTRIBUTION = "diag"
_INSTALL = msg("install diag again: `make setup` in a checkout, else `pip install` with the wheel")


def exit_code(checks: tuple[Check, ...]) -> ExitCode:
    """CANNOT_MEASURE where the machine fails a check, FAILED where only the configuration does, else GOOD."""
    failed = {check.about for check in checks if check.state is State.FAILS}
    if "machine" in failed:
        return ExitCode.CANNOT_MEASURE
    return ExitCode.FAILED if failed else ExitCode.GOOD


def examine(
    config: str = "healthy",
    *,
    audio: str = "virtual",
    endpoint: str = "emulator",
    devices: Mapping[str, str] | None = None,
    out: Path | None = None,
    as_of: str | None = None,
) -> Iterator[Check]:
    """Look at everything that a take needs, one check after the other.

    Parameters
    ----------
    config : str
        The configuration whose model and modality are checked.
    audio : {"virtual", "wire", "system"}
        The kind of audio that will be used; it is opened, and its loopback is measured.
    endpoint : str
        "emulator" (started for the check), "gemini" (only asked for its list of models) or a URL.
    devices : mapping, optional
        Port to device for "system".
    out : Path, optional
        Folder for runs and reports.
    as_of : str, optional
        Day whose models the emulator serves, as "2025-09-19"; the configuration's own, or today, if left out.

    Raises
    ------
    BadInputError
        If the configuration cannot be read or an option is not allowed.
    """
    from diag.api.options import REPORTS
    from diag.files.scenarios import find_scenario

    scenario = find_scenario(config)
    if as_of is not None:
        scenario = scenario.model_copy(update={"emulator": {**scenario.emulator, "as_of": as_of}})
    yield _machine()
    yield _packages()
    yield _folder(out or REPORTS)
    yield from _audio(audio, devices or {})
    yield _key(endpoint)
    yield from _service(scenario, endpoint)
    if scenario.client.raw_frame is None:
        yield _modality(scenario.client.session)
    else:
        yield _frame(scenario, scenario.client.raw_frame)


def _machine() -> Check:
    usable = cores()
    load = os.getloadavg()[0]
    seen = msg(
        "diag {version}, Python {python}, {system} {machine}, {cores}, load {load:.1f}",
        version=__version__,
        python=platform.python_version(),
        system=platform.system(),
        machine=platform.machine(),
        cores=counted(usable, "core"),
        load=load,
    )
    if load > BUSY_LOAD_PER_CORE * usable:
        fix = msg("wait until other programs have finished: takes that they disturb are discarded")
        return Check(name="machine", state=State.WATCH, seen=seen, fix=fix)
    return Check(name="machine", state=State.GOOD, seen=seen)


def _packages() -> Check:
    try:
        wanted = importlib.metadata.requires(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return Check(name="packages", state=State.WATCH, seen=msg("diag is not installed as a package"), fix=_INSTALL)
    names = [re.split(r"[^\w.-]", line)[0] for line in wanted if "extra ==" not in line]
    versions = {name: _version(name) for name in names}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        return Check(
            name="packages",
            state=State.FAILS,
            seen=msg("not installed: {names}", names=", ".join(missing)),
            fix=_INSTALL,
        )
    return Check(
        name="packages",
        state=State.GOOD,
        seen=msg("all {n} installed, google-genai {version}", n=len(names), version=versions["google-genai"]),
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _folder(folder: Path) -> Check:
    place = folder.absolute()
    existing = next(parent for parent in (place, *place.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return Check(
            name="output folder",
            state=State.FAILS,
            seen=msg("{folder} cannot be written", folder=existing),
            fix=msg("name another folder with --out DIR"),
        )
    free = shutil.disk_usage(existing).free
    state = State.GOOD if free >= LEAST_FREE_BYTES else State.WATCH
    fix = "" if state is State.GOOD else msg("free some space, or name another folder with --out DIR")
    return Check(
        name="output folder",
        state=state,
        seen=msg("{folder}, {free_gb:.1f} GB free", folder=place, free_gb=free / 1e9),
        fix=fix,
    )


def _audio(kind: str, devices: Mapping[str, str]) -> Iterator[Check]:
    from diag.api.audio_check import check_audio, measure_loopback, server_check

    if kind == "system":
        yield server_check()
    try:
        seen = measure_loopback(kind, devices)
    except CannotMeasureError as error:
        yield _failed("audio", error)
    else:
        yield from check_audio(kind, seen)


def _key(endpoint: str) -> Check:
    variable = key_variable()
    if variable is not None:
        return Check(
            name="key", state=State.GOOD, seen=msg("{variable} is set (its value is never shown)", variable=variable)
        )
    seen = msg("neither {first} nor {second} is set", first=KEY_VARIABLES[0], second=KEY_VARIABLES[1])
    if endpoint == "gemini":
        return Check(
            name="key",
            state=State.FAILS,
            seen=seen,
            fix=f"export {KEY_VARIABLES[0]}=…",
        )
    return Check(
        name="key",
        state=State.UNKNOWN,
        seen=msg("{seen}; --endpoint {endpoint} needs no key", seen=seen, endpoint=endpoint),
    )


def _service(scenario: Scenario, endpoint: str) -> Iterator[Check]:
    from diag.record.live.genai import live_models

    with ExitStack() as stack:
        try:
            where = _open_endpoint(scenario, endpoint, stack)
        except CannotMeasureError as error:
            yield _failed("service", error)
            return
        begin_s = time.perf_counter()
        answer = asyncio.run(live_models(where, scenario.client.session.api_version))
        took = format_seconds(time.perf_counter() - begin_s)
    if answer.get("error"):
        yield Check(
            name="service",
            state=State.FAILS,
            seen=msg(
                "{endpoint} gave no list of models after {took}: {error}",
                endpoint=endpoint,
                took=took,
                error=answer["error"],
            ),
            fix=msg("check the address, the network, the proxy variables, the certificate (SSL_CERT_FILE) and the key"),
        )
        return
    models = answer["models"]
    yield Check(
        name="service",
        state=State.GOOD,
        seen=msg("{endpoint} lists {n} Live models after {took}", endpoint=endpoint, n=len(models), took=took),
    )
    yield _model(scenario, models)


def _open_endpoint(scenario: Scenario, endpoint: str, stack: ExitStack) -> Endpoint:
    from diag.record.live.genai import Endpoint, endpoint_from_name

    if endpoint != "emulator":
        return endpoint_from_name(endpoint)
    from diag.emulator.embedded import EmbeddedEmulator

    emulator = stack.enter_context(EmbeddedEmulator())
    base_url = emulator.register(scenario.emulator, seed=0)
    return Endpoint(kind="emulator", base_url=base_url, ca_file=str(emulator.ca_file))


def _model(scenario: Scenario, models: list[str]) -> Check:
    session, asked = scenario.client.session, scenario.client.asked_model
    # The SDK adds the prefix that a frame of one's own must have.
    added = scenario.client.raw_frame is None and not asked.startswith("models/")
    wanted = f"models/{asked}" if added else asked
    setting = "session.model" if scenario.client.raw_frame is None else msg("the model of the setup frame")
    name = msg("model of {name}", name=scenario.name)
    if wanted in models:
        return Check(name=name, state=State.GOOD, seen=msg("{asked} is served", asked=asked), about="configuration")
    close = difflib.get_close_matches(wanted, models, n=1) or models[:1]
    return Check(
        name=name,
        state=State.FAILS,
        seen=msg(
            "{model} is not among the Live models of {api_version}",
            model=asked or msg("no model"),
            api_version=session.api_version,
        ),
        fix=msg('set {setting} = "{model}"', setting=setting, model=close[0])
        if close
        else msg("choose a model that supports Live sessions"),
        about="configuration",
    )


def _modality(session: SessionConfig) -> Check:
    wanted = session.response_modalities
    if wanted == ("AUDIO",):
        return Check(name="modality", state=State.GOOD, seen=msg("AUDIO is asked for"), about="configuration")
    asked = None if wanted is None else ", ".join(wanted) or msg("an empty list")
    seen = msg("response_modalities is not set") if asked is None else msg("{asked} is asked for", asked=asked)
    also = msg("; to get the text too, set session.output_transcription = true") if wanted else ""
    return Check(
        name="modality",
        state=State.FAILS,
        seen=msg("{seen}: a Live model then sends no audio or refuses", seen=seen),
        fix=msg('set session.response_modalities = ["AUDIO"]{also}', also=also),
        about="configuration",
    )


def _frame(scenario: Scenario, text: str) -> Check:
    from diag.emulator.settings import read_settings

    day = read_settings(scenario.emulator).date
    name = "setup frame"
    try:
        verdict = judge_frame(read_located_json(text), day=day, version=scenario.client.session.api_version)
    except NotAFrameError as error:
        return Check(name=name, state=State.FAILS, seen=str(error), fix=msg("correct the frame"), about="configuration")
    if verdict.right:
        return Check(name=name, state=State.GOOD, seen=msg("no faults"), about="configuration")
    first, *more = verdict.faults
    also = msg(" (and {n} more: `diag doctor --setup` lists them)", n=len(more)) if more else ""
    return Check(
        name=name,
        state=State.FAILS,
        seen=msg("{place}: {seen}{also}", place=first.pointer or msg("the whole frame"), seen=first.seen, also=also),
        fix=first.fix,
        about="configuration",
    )


def _failed(name: str, error: DiagError) -> Check:
    return Check(name=name, state=State.FAILS, seen=error.seen, fix=error.next_step)


def as_document(checks: tuple[Check, ...]) -> dict[str, Any]:
    """The JSON document of `diag doctor --json`."""
    return {"schema_version": 1, "checks": [check.to_json() for check in checks]}
