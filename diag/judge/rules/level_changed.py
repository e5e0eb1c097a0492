"""Level: a segment whose output is louder or quieter than its input, throughout or from some point on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurement, Measurements, Severity, Status, Verdict
from diag.dsp.level_change import LEVEL_CHANGE_FAIL_DB, LEVEL_CHANGE_WARN_DB, PUMPING_DB
from diag.judge.evidence import DEVICE_HOPS, all_clear, events_in_words, evidence_of, raised_at, worst_fault
from diag.judge.limits import OWN_AUDIO, passes_unchanged
from diag.judge.registry import OnHop, Place, segment_rule

_BACK_WITHIN_DB = 3.0


@segment_rule(
    OnHop(
        "MIC012",
        "microphone-level-changed",
        Hop.MICROPHONE,
        causes=(
            "the input volume, the distance to the microphone, or automatic gain control of the device",
            "noise suppression that turns the voice down, or up and down",
        ),
        fix="raise or lower the volume of the device, and switch automatic gain control off",
    ),
    OnHop(
        "SND015",
        "sender-level-changed",
        Hop.SENDER,
        explained_by=("WEB007",),
        causes=("a gain before sending", "samples scaled to integers by a wrong factor"),
        fix="send the samples as they were captured, without a gain",
    ),
    OnHop(
        "PLY013",
        "level-changed",
        Hop.PLAYER,
        causes=("a gain or volume in the player", "a fade that was never reset"),
        fix="set the gain of the player to 1, and reset the gain after a fade",
    ),
    OnHop(
        "SPK011",
        "speaker-level-changed",
        Hop.SPEAKER,
        causes=(
            "the volume of the device or the sound server",
            "automatic gain control, or another program that turns this one down",
        ),
        fix="raise or lower the volume of the device, and switch automatic gain control off",
    ),
    explained_by=("silent_output", "bytes_misread", "distorted", "played_twice", "clipping_added"),
    severity="warning",
    or_severity="error",
)
def level_changed(place: Place, measurements: Measurements, environment: Mapping[str, Any]) -> Verdict:
    """The {who} changes the level.

    What it shows
        {output} is at least 6.5 dB louder or quieter than {input}, as a whole or from a point on (from 25 dB on it is
        an error), or its level goes up and down by more than 4 dB.

    Why it matters
        Listeners have to adjust the volume, or hear nothing. Speech that is too quiet is recognised less reliably.

    Evidence
        `level_change_db` of the segment, and the time at which the change begins if it is not there from the start;
        `level_pumping_db`.

    Does not prove
        Which gain caused it. On real devices the level also depends on volume and distance, so there it is reported as
        information only.
    """
    found = worst_fault(
        measurements, "level_change_db", lambda change_db: abs(change_db) >= LEVEL_CHANGE_WARN_DB, badness=abs,
        hop=place.hop,
    )  # fmt: skip
    natural = place.hop in DEVICE_HOPS and not passes_unchanged(environment, OWN_AUDIO)
    if isinstance(found, Verdict):
        pumping = _pumping(place, measurements, Severity.INFO if natural else Severity.WARNING)
        return pumping if pumping.status is Status.RAISED else all_clear((found, pumping))
    change_db, item = found
    until_s = _until_s(item)
    if until_s is not None:
        change_db = item.events[0].level_db or change_db
    where = events_in_words(item.events, place=True)
    than = {"input": place.input, "output": place.output, "change_db": abs(change_db)}
    text = (
        msg("{output} is {change_db:.1f} dB louder than {input}", **than)
        if change_db > 0
        else msg("{output} is {change_db:.1f} dB quieter than {input}", **than)
    )
    if where:
        text = msg("{text}: {where}", text=text, where=where)
    title = (
        msg("The {who} makes the sound {change_db:.0f} dB louder", who=place.who, change_db=abs(change_db))
        if change_db > 0
        else msg("The {who} makes the sound {change_db:.0f} dB quieter", who=place.who, change_db=abs(change_db))
    )
    severe = Severity.ERROR if abs(change_db) >= LEVEL_CHANGE_FAIL_DB else Severity.WARNING
    return raised_at(
        place,
        _with_time(title, item, until_s),
        evidence=[evidence_of(item, text)],
        severity=Severity.INFO if natural else severe,
    )


def _until_s(item: Measurement) -> float | None:
    """Return when the level is as before again, where it changes for a while only; None where it does not."""
    levels = [event.level_db or 0.0 for event in item.events[:2]]
    passing = len(item.events) == 2 and abs(levels[0] + levels[1]) < _BACK_WITHIN_DB
    return item.events[1].estimated_s if passing else None


def _with_time(title: str, item: Measurement, until_s: float | None) -> str:
    if not item.events:
        return title
    values = {"title": title, "at_s": item.events[0].estimated_s}
    if until_s is not None:
        return msg("{title} from {at_s:.2f} to {until_s:.2f} s", until_s=until_s, **values)
    return msg("{title} from {at_s:.2f} s on", **values)


def _pumping(place: Place, measurements: Measurements, severity: Severity) -> Verdict:
    found = worst_fault(measurements, "level_pumping_db", lambda range_db: range_db > PUMPING_DB, hop=place.hop)
    if isinstance(found, Verdict):
        return found
    range_db, item = found
    return raised_at(
        place,
        msg("The {who} lets the level go up and down by {range_db:.0f} dB", who=place.who, range_db=range_db),
        evidence=[
            evidence_of(
                item,
                msg(
                    "the gain from {input} to {output} varies by {range_db:.1f} dB",
                    input=place.input,
                    output=place.output,
                    range_db=range_db,
                ),
            )
        ],
        cause=msg("automatic gain control, a compressor, or a volume that another sound turns down and up"),
        fix=msg("switch automatic gain control and other effects off, and keep the gain constant"),
        severity=severity,
    )
