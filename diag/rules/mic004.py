"""MIC004."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.chain import Hop
from diag.registry import rule
from diag.results import Measurements, Verdict
from diag.rules.devices import dropouts


@rule("MIC004", name="microphone-dropouts", severity="warning", hop=Hop.MICROPHONE)
def microphone_dropouts(measurements: Measurements, environment: Mapping[str, Any]) -> Verdict:
    """The microphone drops parts of the prompt.

    What it shows
        `captured` has at least 10 ms of silence that `prompt` does not have.

    Why it matters
        Words go missing, and the service may take the gap for the end of the turn.

    Evidence
        `inserted_silence_s` of the microphone hop, each place to be listened to.

    Likely causes
        - A device buffer that is too small, or a machine that is too busy.
        - A wireless link that drops out.

    Remedy
        Raise the device's buffer (latency), lower the load, or use a cable.

    Does not prove
        Which device dropped it. Not looked at on devices that are diag's own, where it would be the harness's fault.
    """
    return dropouts(measurements, environment, Hop.MICROPHONE, "microphone")
