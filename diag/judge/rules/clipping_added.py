"""Clipping: flat tops in the output of a segment."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurements, Verdict, clear, not_checked
from diag.judge.evidence import added, clear_if_added_measured, evidence_of, raised_at
from diag.judge.limits import FLAT_TOPS_HZ
from diag.judge.registry import OnHop, Place, segment_rule

EXPLAINED_DB = -50.0
"""Distortion and noise below this level, relative to the voice, are too low for the segment to have clipped."""


@segment_rule(
    OnHop(
        "MIC002",
        "microphone-clipped",
        Hop.MICROPHONE,
        causes=(
            "the input gain is too high, or the speaker is too near",
            "two gains in a row, each harmless alone",
        ),
        fix="turn the input gain down",
    ),
    OnHop(
        "SND010",
        "sender-clipped",
        Hop.SENDER,
        causes=("a gain above 1 before sending", "samples are scaled to integers with too large a factor"),
        fix="set the gain before sending to 1 or less, and scale floats to integers by 32767",
    ),
    OnHop(
        "PLY008",
        "player-clipped",
        Hop.PLAYER,
        causes=(
            "a gain above 1 in the player, or two sounds added without headroom",
            "two gains in a row, each harmless alone",
        ),
        fix="set the gain in the player to 1 or less",
    ),
    OnHop(
        "SPK005",
        "speaker-clipped",
        Hop.SPEAKER,
        causes=(
            "the volume of the device or of the sound server is above full scale",
            "two gains in a row, each harmless alone",
        ),
        fix="turn the volume of the device down",
    ),
    explained_by=("bytes_misread", "distorted"),
    severity="warning",
)
def clipping_added(place: Place, measurements: Measurements) -> Verdict:
    """The {who} clips.

    What it shows
        {output} has flat tops, at least ten per second more than {input}.

    Why it matters
        It sounds harsh and scratchy, and speech recognition suffers.

    Evidence
        `clipping_rate_hz` of {input} and {output}. Peaks that were rounded by overdrive earlier may look flat only
        after resampling. They do not count if `distortion_db` shows that the segment is linear.

    Does not prove
        Where the sound was clipped, if {input} and {output} are clipped alike: it was then clipped earlier.
    """
    found = added(measurements, place, "clipping_rate_hz")
    if isinstance(found, str):
        return not_checked(found)
    more_hz, own_hz, item = found
    if more_hz <= FLAT_TOPS_HZ:
        return clear_if_added_measured(measurements, place, "clipping_rate_hz")
    if _bends_nothing(measurements, place.hop, item.turn):
        return clear()
    text = msg(
        "{own_hz:.3g} flat tops per second in {input}, {output_hz:.3g} in {output}",
        own_hz=own_hz, input=place.input, output_hz=own_hz + more_hz, output=place.output,
    )  # fmt: skip
    return raised_at(
        place,
        msg(
            "The {who} clips: {more_hz:.0f} flat tops per second that were not there before",
            who=place.who,
            more_hz=more_hz,
        ),
        evidence=[evidence_of(item, text)],
    )


def _bends_nothing(measurements: Measurements, hop: Hop, turn: int | None) -> bool:
    """Return whether a gain and a filter explain the whole difference between input and output."""
    bent_db, noise_db = (measurements.value(name, hop=hop, turn=turn) for name in ("distortion_db", "added_noise_db"))
    return bent_db is not None and noise_db is not None and max(bent_db, noise_db) < EXPLAINED_DB
