"""MIC004."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.judge.registry import rule
from diag.judge.rules.devices import dropouts


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
        - A program that reads the input too slowly, so that it overflows: other work in its audio thread.
        - A wireless headset at the edge of its reach, or one that shares its link with playback.

    Remedy
        Do nothing but copy in the input callback, open the input with more latency, or use a wired microphone.

    Does not prove
        Which device lost it. Where diag's own devices were used this is not checked: it would be the harness's fault.
    """
    return dropouts(measurements, environment, Hop.MICROPHONE, "microphone")
