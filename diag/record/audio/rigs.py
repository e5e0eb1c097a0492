"""Entry point to audio: make rigs of any kind, and open the streams of one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.machine import check_shared_memory
from diag.record.audio.ports import AudioSession, PortPlan, Rig

KINDS = ("virtual", "wire", "system")


@dataclass(frozen=True, kw_only=True)
class Farm:
    """Set of rigs that exist while the farm is open.

    Parameters
    ----------
    kind : str
        "virtual", "wire" or "system".
    rigs : tuple of Rig
        Descriptions; each rig may be used by one take at a time, in any process of this machine.
    environment : mapping
        Versions and settings for reports; JSON-ready.
    """

    kind: str
    rigs: tuple[Rig, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)

    def server_underruns(self) -> int:
        """Return the underruns that the private sound servers have logged so far, over all rigs; 0 for other kinds.

        To count those in a span of time, subtract the values of two calls.
        """
        from diag.record.audio.virtual import underruns

        logs = {str(rig.options["server_log"]) for rig in self.rigs} if self.kind == "virtual" else set()
        return sum(underruns(Path(log)) for log in logs)


@contextmanager
def open_farm(
    kind: str, *, rigs: int = 1, devices: Mapping[str, str] | None = None, for_programs: bool = False
) -> Iterator[Farm]:
    """Make rigs, and remove them at the end.

    Parameters
    ----------
    kind : {"virtual", "wire", "system"}
        "virtual" starts private sound servers, "wire" needs no devices, "system" uses the machine's own.
    rigs : int
        How many rigs to make, >= 1; "system" has one.
    devices : mapping, optional
        For "system": mouth, microphone, speaker or ear to a device's number, a unique part of its name, or "none".

    for_programs : bool
        For "virtual": make the devices ready for programs that are not diag's, by their names.

    Raises
    ------
    BadInputError
        If the kind is unknown or a named device does not exist.
    CannotMeasureError
        If this machine lacks what the kind needs.
    """
    if kind in ("virtual", "system"):
        check_shared_memory()
    if kind == "virtual":
        from diag.record.audio.virtual import virtual_rigs

        with virtual_rigs(rigs, for_programs=for_programs) as (made, facts):
            yield Farm(kind=kind, rigs=made, environment=facts)
    elif kind == "wire":
        yield Farm(kind=kind, rigs=tuple(Rig(kind=kind, name=f"rig{index}") for index in range(rigs)))
    elif kind == "system":
        from diag.record.audio.system import system_rig

        yield Farm(kind=kind, rigs=(system_rig(devices or {}),))
    else:
        raise BadInputError(
            "Could not open audio",
            seen=f"audio backend `{kind}`",
            allowed=", ".join(KINDS),
            next_step="choose one of these, for example `--audio wire`",
        )


def open_session(rig: Rig, plan: PortPlan, *, speaker_connected: bool = True) -> AudioSession:
    """Open the ports of a rig and start them; close the session to stop.

    Parameters
    ----------
    rig : Rig
        One of `Farm.rigs`.
    plan : PortPlan
        Callbacks and rates.
    speaker_connected : bool
        If False, the speaker plays to a sink that nothing records.

    Raises
    ------
    BadInputError, CannotMeasureError
        If a device of the rig cannot be found or opened (`open_portaudio`).
    """
    if rig.kind == "wire":
        from diag.record.audio.wire import open_wire

        return open_wire(rig, plan, speaker_connected=speaker_connected)
    from diag.record.audio.portaudio import open_portaudio

    try:
        return open_portaudio(rig, plan, speaker_connected=speaker_connected)
    except (BadInputError, CannotMeasureError):
        if rig.kind == "virtual":
            from diag.record.audio.virtual import check_server

            check_server(rig)
        raise
