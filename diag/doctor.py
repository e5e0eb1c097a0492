"""Checks this machine and a configuration before a take is spent: what was seen, and the command that mends it."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diag import __version__
from diag.config import ClientConfig, Faults, Scenario, SessionConfig
from diag.errors import CannotMeasureError, DiagError, ExitCode
from diag.report.sentences import State
from diag.units import format_seconds

if TYPE_CHECKING:
    from diag.backends.ports import Rig

LEAST_CONFIDENCE = 0.5
"""Of a loopback calibration; below it latencies at the ear are not reported."""
LEAST_FREE_BYTES = 500_000_000
"""A take of 10 s holds 4 MB; a bench of 60 takes 250 MB."""
_PULSE_PLUGINS = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
_DISTRIBUTION = "diag"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        What was looked at, in a word or two.
    state : State
        GOOD, WATCH (works, but read on), FAILS, or UNKNOWN (not looked at; `seen` says why).
    seen : str
        What was seen.
    mend : str
        The exact command or change that mends it; empty where there is nothing to mend.
    about : {"machine", "configuration"}
        Whose fault a failure is: the machine cannot measure, or the configuration cannot work.
    """

    name: str
    state: State
    seen: str
    mend: str = ""
    about: str = "machine"

    def to_json(self) -> dict[str, str]:
        """One JSON object."""
        return {
            "name": self.name,
            "state": self.state.value,
            "seen": self.seen,
            "mend": self.mend,
            "about": self.about,
        }


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

    Raises
    ------
    BadInputError
        If the configuration cannot be read or an option is not allowed.
    """
    from diag.conduct import REPORTS, find_scenario

    scenario = find_scenario(config)
    yield Check(
        name="machine",
        state=State.GOOD,
        seen=f"diag {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores",
    )
    yield _packages()
    yield _folder(out or REPORTS)
    if audio == "virtual":
        yield from _sound_server()
    yield from _audio(audio, devices or {})
    yield _key(endpoint)
    yield from _service(scenario, endpoint)
    yield _modality(scenario.client.session)


def _packages() -> Check:
    try:
        wanted = importlib.metadata.requires(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return Check(name="packages", state=State.WATCH, seen="diag is not installed as a package", mend="make setup")
    names = [re.split(r"[^\w.-]", line)[0] for line in wanted if "extra ==" not in line]
    versions = {name: _version(name) for name in names}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        return Check(name="packages", state=State.FAILS, seen=f"not installed: {', '.join(missing)}", mend="make setup")
    return Check(
        name="packages", state=State.GOOD, seen=f"all {len(names)} there, google-genai {versions['google-genai']}"
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
            seen=f"{existing} cannot be written",
            mend="name another folder with --out DIR",
        )
    free = shutil.disk_usage(existing).free
    state = State.GOOD if free >= LEAST_FREE_BYTES else State.WATCH
    mend = "" if state is State.GOOD else "free some space, or name another folder with --out DIR"
    return Check(name="output folder", state=state, seen=f"{place}, {free / 1e9:.1f} GB free", mend=mend)


def _sound_server() -> Iterator[Check]:
    missing = []
    if shutil.which("pulseaudio") is None:
        missing.append("pulseaudio")
    if not any(
        next(Path(root).glob(pattern), None)
        for root in _PULSE_PLUGINS
        for pattern in ("alsa-lib/libasound_module_pcm_pulse.so", "*/alsa-lib/libasound_module_pcm_pulse.so")
    ):
        missing.append("libasound2-plugins")
    if missing:
        yield Check(
            name="sound server", state=State.FAILS, seen=f"not installed: {', '.join(missing)}", mend=_install(*missing)
        )
    else:
        yield Check(name="sound server", state=State.GOOD, seen="pulseaudio and ALSA's plugin for it are installed")


def _install(*packages: str) -> str:
    as_root = "" if os.geteuid() == 0 else "sudo "
    return f"{as_root}apt-get install --no-remove --no-install-recommends {' '.join(packages)}"


def _audio(kind: str, devices: Mapping[str, str]) -> Iterator[Check]:
    try:
        seen = measure_loopback(kind, devices)
    except CannotMeasureError as error:
        yield _failed("audio", error)
        return
    yield Check(
        name="audio",
        state=State.GOOD if not seen.xruns else State.WATCH,
        seen=f"{kind}, opened in {format_seconds(seen.open_s)}; {seen.rates}; {seen.xruns} xruns",
        mend="close other programs, or use --rigs 1" if seen.xruns else "",
    )
    for port, delay_s, confidence in seen.delays:
        sure = delay_s is not None and confidence >= LEAST_CONFIDENCE
        told = "no delay found" if delay_s is None else f"{delay_s * 1000:.1f} ms"
        yield Check(
            name=f"loopback of {port}",
            state=State.GOOD if sure else State.WATCH,
            seen=f"{told}, confidence {confidence:.2f}",
            mend=""
            if sure
            else "connect the output to the ear (cable, monitor source or room) and turn it up; "
            "without it, latencies at the ear are not reported",
        )


@dataclass(frozen=True, kw_only=True)
class Loopback:
    """What opening the audio showed: `delays` are (port, delay in s or None, confidence 0 to 1)."""

    open_s: float
    rates: str
    xruns: int
    delays: tuple[tuple[str, float | None, float], ...]
    devices: Mapping[str, str]


def measure_loopback(kind: str, devices: Mapping[str, str]) -> Loopback:
    """Open one rig as a take does, play the coded bursts, and close it.

    Raises
    ------
    BadInputError
        If a device is named that is not there.
    CannotMeasureError
        If the audio cannot be opened.
    """
    from diag.backends.farm import open_farm

    begin_s = time.perf_counter()
    with open_farm(kind, rigs=1, devices=devices) as farm:
        os.environ.update(farm.rigs[0].options.get("environment", {}))
        return asyncio.run(_loopback(farm.rigs[0], begin_s))


async def _loopback(rig: Rig, begin_s: float) -> Loopback:
    from diag.backends.calibration import calibrate
    from diag.backends.farm import open_session
    from diag.portboard import Portboard
    from diag.voice_client import VoiceClient

    config = ClientConfig()
    client = VoiceClient(config, Faults(), lambda name, data, *, t_s=None: None)
    board = Portboard(config, client, begin_s)
    audio = await asyncio.to_thread(open_session, rig, board.plan)
    try:
        open_s = time.perf_counter() - begin_s
        found = await calibrate(board.mouth, board.calibration_speaker, board.ear, audio)
        return Loopback(
            open_s=open_s,
            rates=", ".join(f"{port} {rate} Hz" for port, rate in audio.rates_hz.items()),
            xruns=sum(audio.xruns.values()),
            delays=tuple((item.port, item.delay_s, item.confidence) for item in found),
            devices=dict(audio.devices),
        )
    finally:
        await asyncio.to_thread(audio.close)


def _key(endpoint: str) -> Check:
    from diag.backends.genai import KEY_VARIABLES, key_variable

    variable = key_variable()
    if variable is not None:
        return Check(name="key", state=State.GOOD, seen=f"{variable} is set (its value is never shown)")
    seen = f"none of {', '.join(KEY_VARIABLES)} is set"
    if endpoint == "gemini":
        return Check(name="key", state=State.FAILS, seen=seen, mend=f"export {KEY_VARIABLES[0]}=…")
    return Check(name="key", state=State.UNKNOWN, seen=f"{seen}; --endpoint {endpoint} needs none")


def _service(scenario: Scenario, endpoint: str) -> Iterator[Check]:
    from diag.backends.genai import live_models

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
            seen=f"{endpoint} gave no list of models after {took}: {answer['error']}",
            mend="check the network, the proxy variables and the key",
        )
        return
    models = answer["models"]
    yield Check(name="service", state=State.GOOD, seen=f"{endpoint} lists {len(models)} Live models after {took}")
    yield _model(scenario, models)


def _open_endpoint(scenario: Scenario, endpoint: str, stack: ExitStack) -> Any:
    from diag.backends.genai import Endpoint, endpoint_from_name

    if endpoint != "emulator":
        return endpoint_from_name(endpoint)
    from diag.emulator.embedded import EmbeddedEmulator

    emulator = stack.enter_context(EmbeddedEmulator())
    base_url = emulator.register(scenario.emulator, seed=0)
    return Endpoint(kind="emulator", base_url=base_url, ca_file=str(emulator.ca_file))


def _model(scenario: Scenario, models: list[str]) -> Check:
    session = scenario.client.session
    wanted = session.model if session.model.startswith("models/") else f"models/{session.model}"
    name = f"model of {scenario.name}"
    if wanted in models:
        return Check(name=name, state=State.GOOD, seen=f"{session.model} is served", about="configuration")
    close = difflib.get_close_matches(wanted, models, n=1) or models[:1]
    return Check(
        name=name,
        state=State.FAILS,
        seen=f"{session.model} is not among the Live models of {session.api_version}",
        mend=f'set session.model = "{close[0]}"' if close else "choose a model that holds Live sessions",
        about="configuration",
    )


def _modality(session: SessionConfig) -> Check:
    wanted = session.response_modalities
    if wanted == ("AUDIO",):
        return Check(name="modality", state=State.GOOD, seen="AUDIO is asked for", about="configuration")
    seen = "left out" if wanted is None else f"{', '.join(wanted) or 'an empty list'} is asked for"
    also = "; for the words as well, set session.output_transcription = true" if wanted else ""
    return Check(
        name="modality",
        state=State.FAILS,
        seen=f"{seen}: a Live model then sends no audio or refuses",
        mend=f'set session.response_modalities = ["AUDIO"]{also}',
        about="configuration",
    )


def _failed(name: str, error: DiagError) -> Check:
    return Check(name=name, state=State.FAILS, seen=error.seen, mend=error.next_step)


def as_document(checks: tuple[Check, ...]) -> dict[str, Any]:
    """The JSON document of `diag doctor --json`."""
    return {"schema_version": 1, "checks": [check.to_json() for check in checks]}
