"""Level: a segment whose output is louder or quieter than its input, throughout or from some point on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.dsp.level_change import LEVEL_CHANGE_FAIL_DB, LEVEL_CHANGE_WARN_DB
from diag.judge.evidence import events_in_words, why_not, worst
from diag.judge.limits import OWN_AUDIO
from diag.judge.registry import OnHop, Place, segment_rule


@segment_rule(
    OnHop(
        code="MIC012",
        name="microphone-level-changed",
        severity="warning",
        or_severity="error",
        hop=Hop.MICROPHONE,
        who="microphone",
        explained_by=("MIC001", "MIC009", "MIC014", "MIC017", "MIC002"),
        causes=(
            "the input volume, the distance to the microphone, or automatic gain control of the device",
            "noise suppression that turns the voice down",
        ),
        fix="raise or lower the volume of the device, and switch automatic gain control off",
    ),
    OnHop(
        code="SND015",
        name="sender-level-changed",
        severity="warning",
        or_severity="error",
        hop=Hop.SENDER,
        who="sender",
        explained_by=("SND003", "SND009", "SND017", "SND021", "SND010"),
        causes=("a gain before sending", "samples scaled to integers by a wrong factor"),
        fix="send the samples as they were captured, without a gain",
    ),
    OnHop(
        code="PLY013",
        name="level-changed",
        severity="warning",
        or_severity="error",
        hop=Hop.PLAYER,
        who="player",
        explained_by=("PLY006", "PLY009", "PLY015", "PLY012", "PLY008"),
        causes=("a gain or volume in the player", "a fade that was never reset"),
        fix="set the gain of the player to 1, and reset the gain after a fade",
    ),
    OnHop(
        code="SPK011",
        name="speaker-level-changed",
        severity="warning",
        or_severity="error",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        explained_by=("SPK001", "SPK008", "SPK013", "SPK016", "SPK005"),
        causes=(
            "the volume of the device or the sound server",
            "automatic gain control, or another program that turns this one down",
        ),
        fix="raise or lower the volume of the device, and switch automatic gain control off",
    ),
)
def level_changed(place: Place, measurements: Measurements, environment: Mapping[str, Any]) -> Verdict:
    """The {who} changes the level.

    What it shows
        {output} is at least 6.5 dB louder or quieter than {input}, as a whole or from a point on. From 25 dB on it is
        an error.

    Why it matters
        Listeners have to adjust the volume, or hear nothing. Speech that is too quiet is recognised less reliably.

    Evidence
        `level_change_db` of the segment, and the time at which the change begins if it is not there from the start.

    Does not prove
        Which gain caused it. On real devices the level also depends on volume and distance, so there it is reported as
        information only.
    """
    items = measurements.find("level_change_db", hop=place.hop)
    found = worst(items, abs)
    if found is None:
        return not_checked(why_not(items, "level_change_db"))
    change_db, item = found
    if abs(change_db) < LEVEL_CHANGE_WARN_DB:
        return clear()
    where = events_in_words(item.events, place=True)
    change = f"{abs(change_db):.1f} dB {'louder' if change_db > 0 else 'quieter'}"
    text = f"{place.output} is {change} than {place.input}{f': {where}' if where else ''}"
    natural = place.hop in (Hop.MICROPHONE, Hop.SPEAKER) and environment.get("audio", "wire") not in OWN_AUDIO
    severe = Severity.ERROR if abs(change_db) >= LEVEL_CHANGE_FAIL_DB else Severity.WARNING
    return raised(
        f"The {place.who} makes the sound {abs(change_db):.0f} dB {'louder' if change_db > 0 else 'quieter'}"
        + (f" from {item.events[0].estimated_s:.2f} s on" if item.events else ""),
        evidence=[Evidence(text=text, metric="level_change_db", turn=item.turn, spots=item.spots)],
        likely_cause=place.on.causes[0],
        fix=place.on.fix,
        severity=Severity.INFO if natural else severe,
    )
