"""ENV001: there is no working audio device to measure with: one is missing or has stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.messages import msg
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.registry import rule


@rule("ENV001", name="no-audio-backend", severity="error")
def no_audio_backend(timeline: Timeline, environment: Mapping[str, Any]) -> Verdict:
    """There is no working audio device to measure with: one is missing or has stopped.

    What it shows
        No audio port was opened at all, or a device failed during the take.

    Why it matters
        The recordings say nothing about the voice app, so the take is discarded.

    Evidence
        The ports that were opened, and the error message of the device.

    Likely causes
        - A device was unplugged, or its sound server stopped.
        - PortAudio finds no device: no sound card and no sound server.

    Fix
        Run `diag doctor`, which checks the audio of this machine. Use `--audio wire` to measure without devices, or
        `--audio virtual` to measure with virtual devices.

    Does not prove
        Anything about the client or the service.
    """
    failed = timeline.first("device_failed")
    opened = timeline.first("streams_opened")
    if failed is None and opened is None:
        return not_checked(msg("no stream was asked for"))
    ports = (opened.data.get("devices") or {}) if opened else {}
    if failed is None and ports:
        return clear()
    detail = str(failed.data.get("detail", "")) if failed else "no device was opened"
    kind = str(environment.get("audio", "unknown"))
    return raised(
        msg("There is no working audio ({kind}): {detail}", kind=kind, detail=detail),
        evidence=[Evidence(text=detail), Evidence(text=msg("ports opened: {what}", what=", ".join(ports) or "none"))],
        likely_cause=msg("the device or its sound server stopped") if failed else msg("the device is missing"),
        fix=msg("run `diag doctor`, or use `--audio wire` (no devices) or `--audio virtual` (virtual devices)"),
        discard=True,
    )
