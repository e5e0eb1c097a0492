"""MIC003."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.core.timeline import Timeline
from diag.judge.registry import rule
from diag.judge.rules.devices import less_treble


@rule("MIC003", name="microphone-band-limited", severity="warning", or_severity="info", hop=Hop.MICROPHONE)
def microphone_band_limited(measurements: Measurements, timeline: Timeline) -> Verdict:
    """The microphone loses treble of the prompt.

    What it shows
        At the right speed, `captured` lacks high frequencies that `prompt` has, as far as its sample rate reaches.

    Why it matters
        Consonants live up there: the service understands less, above all names and numbers.

    Evidence
        `dullness_db` and its bands on the microphone hop, each against the same sound in `prompt`.

    Likely causes
        - A Bluetooth headset in its hands-free profile (8 or 16 kHz).
        - Noise suppression or echo cancelling of the system.

    Remedy
        Use a wired microphone, or switch the processing off.

    Does not prove
        That recognition suffers; and nothing above half the capture rate is looked at.
    """
    return less_treble(
        measurements,
        Hop.MICROPHONE,
        who="microphone",
        cause="noise suppression, or a dull microphone",
        remedy="use a wired microphone (no Bluetooth hands-free profile), and switch noise suppression off",
        timeline=timeline,
    )
