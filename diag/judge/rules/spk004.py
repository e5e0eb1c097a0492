"""SPK004."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.judge.registry import rule
from diag.judge.rules.devices import dropouts


@rule("SPK004", name="device-underruns", severity="warning", hop=Hop.SPEAKER)
def device_underruns(measurements: Measurements, environment: Mapping[str, Any]) -> Verdict:
    """The playback device drops parts of the reply.

    What it shows
        `heard` has at least 10 ms of silence that `played` does not have.

    Why it matters
        Gaps and clicks are heard although the client plays the voice whole.

    Evidence
        `inserted_silence_s` of the speaker hop, each place to be listened to.

    Likely causes
        - A playback buffer that the machine cannot keep filled: too small, or too much else is running.
        - A loudspeaker on the air (Bluetooth, casting) that loses packets.

    Remedy
        Open the output with more latency, end other programs, or use a wired loudspeaker.

    Does not prove
        That the client filled its stream in time: underruns that it noted itself are PLY003. Not checked on diag's own
        devices, where the harness would be to blame.
    """
    return dropouts(measurements, environment, Hop.SPEAKER, "loudspeaker")
