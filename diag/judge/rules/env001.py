"""ENV001."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.registry import rule


@rule("ENV001", name="no-audio-backend", severity="error")
def no_audio_backend(timeline: Timeline, environment: Mapping[str, Any]) -> Verdict:
    """There is no audio to measure with: a device is missing or stopped.

    What it shows
        No port of the rig was opened at all, or a device failed in the middle of the take.

    Why it matters
        What was recorded says nothing about the product, so the take is not counted.

    Evidence
        The ports that were opened; what the device said when it failed.

    Likely causes
        - A device was unplugged, or its sound server stopped.
        - PortAudio finds no device: no sound card and no sound server.

    Fix
        `diag doctor` checks the audio of this machine; `--audio wire` measures without devices, `--audio virtual` with
        devices of its own.

    Does not prove
        Anything about the client or the service.
    """
    failed = timeline.first("device_failed")
    opened = timeline.first("streams_opened")
    if failed is None and opened is None:
        return not_checked("no stream was asked for")
    ports = (opened.data.get("devices") or {}) if opened else {}
    if failed is None and ports:
        return clear()
    detail = str(failed.data.get("detail", "")) if failed else "no device was opened"
    kind = str(environment.get("audio", "unknown"))
    return raised(
        f"There is no working audio ({kind}): {detail}",
        evidence=[Evidence(text=detail), Evidence(text=f"ports opened: {', '.join(ports) or 'none'}")],
        likely_cause="the device or its sound server stopped" if failed else "the device is missing",
        fix="run `diag doctor`; without devices use `--audio wire`, with devices of diag's own `--audio virtual`",
        discard=True,
    )
