"""ENV007: the devices of this machine lost audio while the take was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.timeline import EventName, Timeline
from diag.core.units import counted, format_seconds
from diag.judge.evidence import listed, numbers
from diag.judge.limits import OWN_AUDIO
from diag.judge.registry import rule

_EFFECTS = {
    ("speaker", "inserted_silence_s"): Hop.SPEAKER,
    ("speaker", "skipped_s"): Hop.SPEAKER,
    ("microphone", "inserted_silence_s"): Hop.MICROPHONE,
    ("microphone", "skipped_s"): Hop.MICROPHONE,
}
"""Where a lost block shows, by port and metric."""


@rule("ENV007", name="device-xruns", severity="info")
def device_xruns(timeline: Timeline, environment: Mapping[str, Any], measurements: Measurements) -> Verdict:
    """The devices of this machine lost audio while the take was recorded.

    What it shows
        A device of `--audio system` reported that it ran out of audio (underrun) or could not deliver it in time
        (overrun).

    Why it matters
        Each loss may be a gap or a click that the app did not make.

    Evidence
        The event `xruns` of each port, and the silence and the skipped sound on the hop of that device.

    Likely causes
        - The device's buffer is too small for the load of this machine.
        - Another program uses much processor time, or a wireless device has a bad connection.

    Fix
        Close other programs, or use another device.

    Does not prove
        That a gap in the recording is one of these losses: compare their number and length.
    """
    if environment.get("audio", "wire") in OWN_AUDIO:
        return not_checked(msg("these are diag's own devices; see ENV004"))
    events = timeline.named(EventName.XRUNS)
    if not events:
        return not_checked(msg("the devices did not report whether they lost audio"))
    counts = {str(event.data.get("port")): int(event.data.get("count") or 0) for event in events}
    lost = {port: count for port, count in counts.items() if count}
    if not lost:
        return clear()
    losses = listed([msg("{port} {times}", port=port, times=counted(count, "time")) for port, count in lost.items()])
    return raised(
        msg("The devices of this machine lost audio while the take was recorded: {losses}", losses=losses),
        evidence=[
            Evidence(
                text=msg(
                    "{port}: audio was lost {times}{effect}",
                    port=port,
                    times=counted(count, "time"),
                    effect=_effect(port, measurements),
                )
            )
            for port, count in lost.items()
        ],
        likely_cause=msg("the device's buffer is too small for the load of this machine"),
        fix=msg("close other programs, or use another device"),
    )


def _effect(port: str, measurements: Measurements) -> str:
    """Return what the recordings show of the losses of a port."""
    words = []
    for (name, metric), hop in _EFFECTS.items():
        found = sum(value for value, _ in numbers(measurements.find(metric, hop=hop))) if name == port else 0.0
        if found > 0:
            length = format_seconds(found)
            silence = metric == "inserted_silence_s"
            words.append(
                msg("{length} of silence", length=length)
                if silence
                else msg("{length} of skipped sound", length=length)
            )
    if words:
        both = reduce(lambda first, other: msg("{first} and {other}", first=first, other=other), words)
        return msg("; the {port} hop has {both}", port=port, both=both)
    return msg("; no gap was found in the recordings")
