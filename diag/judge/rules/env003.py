"""ENV003: the delay between the devices and the measuring microphone (the ear) is not known."""

from __future__ import annotations

from functools import reduce

from diag.core.messages import msg
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.timeline import Event, EventName, Timeline
from diag.judge.limits import SILENT_DBFS
from diag.judge.registry import rule


@rule("ENV003", name="loopback-uncalibrated", severity="warning", explained_by=("SPK001", "ENV001"))
def loopback_uncalibrated(timeline: Timeline) -> Verdict:
    """The delay between the devices and the measuring microphone (the ear) is not known.

    What it shows
        A calibration burst was not clearly found in the ear's recording, so latencies at the ear are not measured. It
        is not raised if the ear hears only the speaker and the microphone hears the mouth, as on a headset: the latency
        is then measured by the clocks of both.

    Why it matters
        Without calibration, a latency at the ear would include the delay of the measuring devices.

    Evidence
        Confidence of each port's burst, and its level at the ear.

    Likely causes
        - The loopback cable is not connected, or the measuring microphone is too far away or in a noisy place.
        - Echo cancellation or noise suppression is active on the ear's input.

    Fix
        Connect the loopback, turn the level up, switch processing off, then calibrate again with `diag devices`.

    Does not prove
        A fault of the client: only the measuring path failed. If the loudspeaker is completely silent, SPK001 is
        reported and this finding is not.
    """
    every = timeline.named("calibrated")
    tried = [event for event in every if event.data.get("at", "ear") == "ear"]
    if not tried:
        return not_checked(msg("no calibration took place"))
    opened = timeline.first("streams_opened")
    if opened is not None and "ear" not in (opened.data.get("devices") or {}):
        return not_checked(msg("no ear was opened, so nothing is timed at the ear"))
    lost = [event for event in tried if event.data.get("delay_s") is None]
    if not lost:
        return clear()
    ports = [str(event.data.get("port")) for event in lost]
    mouth_at_microphone = any(
        event.data.get("port") == "mouth" and event.data.get("delay_s") is not None
        for event in every
        if event not in tried
    )
    if ports == ["mouth"] and len(tried) > 1 and mouth_at_microphone:
        return clear()
    levels = [event.data.get("signal_dbfs") for event in lost]
    nothing_came = all(level is None or level <= SILENT_DBFS for level in levels)
    if ports == ["speaker"] and nothing_came and timeline.first(EventName.PLAYOUT_STARTED) is not None:
        return not_checked(msg("nothing at all came out of the loudspeaker, which is a finding of its own (SPK001)"))
    outputs = reduce(
        lambda first, other: msg("{first} and {other}", first=first, other=other),
        (msg("the {port}", port=port) for port in ports),
    )
    return raised(
        msg("The delay from {outputs} to the ear is not known, so nothing is timed at the ear", outputs=outputs),
        evidence=[_burst(event) for event in lost],
        likely_cause=msg("the calibration burst does not arrive at the ear")
        if nothing_came
        else msg("the calibration burst arrives too quiet, noisy or changed"),
        fix=msg(
            "connect the loopback or move the microphone, turn the level up, switch echo cancellation "
            "off, and calibrate again (`diag devices`)"
        ),
    )


def _burst(event: Event) -> Evidence:
    confidence, level_dbfs = float(event.data.get("confidence") or 0), event.data.get("signal_dbfs")
    level = msg("level unknown") if level_dbfs is None else msg("{level_dbfs:.0f} dBFS", level_dbfs=level_dbfs)
    return Evidence(
        text=msg(
            "burst of the {port}: confidence {confidence:.2f}, {level} at the ear",
            port=event.data.get("port"),
            confidence=confidence,
            level=level,
        )
    )
