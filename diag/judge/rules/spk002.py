"""SPK002."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.core.timeline import Timeline
from diag.judge.registry import rule
from diag.judge.rules.devices import less_treble


@rule("SPK002", name="speaker-band-limited", severity="warning", or_severity="info", hop=Hop.SPEAKER)
def speaker_band_limited(measurements: Measurements, timeline: Timeline) -> Verdict:
    """The playback device loses treble.

    What it shows
        At the right speed, `heard` lacks high frequencies that `played` has, as far as its sample rate reaches.

    Why it matters
        The voice sounds muffled although the client plays it whole.

    Evidence
        `dullness_db` and its bands on the speaker hop, each against the same sound in `played`.

    Likely causes
        - A Bluetooth headset in its hands-free profile (8 or 16 kHz).
        - A sound server that resamples to a lower rate; a dull loudspeaker or room.

    Remedy
        Choose another output, or the headset's music profile.

    Does not prove
        That the device is at fault where the ear is a microphone in a room: the room and that microphone have a part.
    """
    return less_treble(
        measurements,
        Hop.SPEAKER,
        who="loudspeaker",
        cause="a dull loudspeaker, a codec, or the room",
        remedy="choose another output device, or take the headset out of its hands-free profile",
        timeline=timeline,
    )
