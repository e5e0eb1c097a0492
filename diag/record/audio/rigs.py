"""One door to audio: rigs of any kind, and open streams on one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diag.core.errors import BadInputError
from diag.record.audio.ports import AudioSession, PortPlan, Rig

KINDS = ("virtual", "wire", "system")


@dataclass(frozen=True, kw_only=True)
class Farm:
    """Rigs that exist while the farm is open.

    Parameters
    ----------
    kind : str
        "virtual", "wire" or "system".
    rigs : tuple of Rig
        Plain descriptions; each may be held by one take at a time, in any process of this machine.
    environment : mapping
        Versions and settings, for reports. JSON-ready.
    """

    kind: str
    rigs: tuple[Rig, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)

    def server_underruns(self) -> int:
        """Underruns that a private sound server has logged so far, over all rigs; take the difference of two calls."""
        from diag.record.audio.virtual import underruns

        return underruns(Path(self.rigs[0].options["server_log"])) if self.kind == "virtual" else 0


@contextmanager
def open_farm(kind: str, *, rigs: int = 1, devices: Mapping[str, str] | None = None) -> Iterator[Farm]:
    """Make rigs, and take them away at the end.

    Parameters
    ----------
    kind : {"virtual", "wire", "system"}
        "virtual" starts a private sound server, "wire" needs no devices, "system" uses the machine's own.
    rigs : int
        How many rigs to make, >= 1; "system" has one.
    devices : mapping, optional
        For "system": mouth, microphone, speaker, ear to a device's name (a unique part of it), its number, or "none".

    Raises
    ------
    BadInputError
        If the kind is unknown or a device is named that is not there.
    CannotMeasureError
        If this machine lacks what the kind needs.
    """
    if kind == "virtual":
        from diag.record.audio.virtual import virtual_rigs

        with virtual_rigs(rigs) as (made, facts):
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
            next_step="name one of them, as in `--audio wire`",
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
        False plays the speaker to a place that nobody hears.
    """
    if rig.kind == "wire":
        from diag.record.audio.wire import open_wire

        return open_wire(rig, plan, speaker_connected=speaker_connected)
    from diag.record.audio.portaudio import open_portaudio

    return open_portaudio(rig, plan, speaker_connected=speaker_connected)
