"""SPK004."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.chain import Hop
from diag.registry import rule
from diag.results import Measurements, Verdict
from diag.rules.devices import dropouts


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
        - A device buffer that is too small, or a machine that is too busy.
        - A wireless link that drops out.

    Remedy
        Raise the device's buffer (latency), lower the load, or use a cable.

    Does not prove
        Which device dropped it. Not looked at on devices that are diag's own, where it would be the harness's fault.
    """
    return dropouts(measurements, environment, Hop.SPEAKER, "loudspeaker")
