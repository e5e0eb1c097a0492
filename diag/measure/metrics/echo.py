"""The reply heard again in the capture."""

from __future__ import annotations

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, not_measured
from diag.core.take import Turn
from diag.dsp.echo import find_echo
from diag.dsp.level import rms_dbfs
from diag.measure.reasons import NOTHING_PLAYED, PLAYED_SILENT, too_short
from diag.measure.registry import Group, metric

TAIL_S = 1.0
_SILENT_DBFS = -90.0
_NONE_DB = -100.0


@metric("echo_db", unit="dB", better="lower", tolerance=3.0, label="Echo", group=Group.LEVEL, order=4)
def echo(turn: Turn, played: Clip, captured: Clip) -> Reading:
    """Level of the reply where it should not be: in the microphone.

    What
        How strongly `captured` repeats what was played, against the level of what was played; -100 where the capture
        is digitally silent meanwhile. Confidence 1 means that an echo stands out, 0 that the value is only the most
        that could have hidden.
    From – to
        The reply in `played` – the same time and one second more in `captured`.
    Better is
        Lower: above -40 dB warns, above -30 fails; the service may take it for speech and interrupt itself.
    Not measured when
        Nothing was played in this turn, or one of the taps has no place on the clock.
    Reference
        Deconvolution by the known reply for the delay, least squares over ±2 ms of its largest peak within one second
        for the level; both weighted against whoever else speaks, so that an echo 20 dB below him is measured.
    """
    span = turn.reply_spans.get(Tap.PLAYED)
    if span is None:
        return not_measured(NOTHING_PLAYED)
    if played.start_s is None or captured.start_s is None:
        return not_measured(Missing(MissingCode.NO_CLOCK, "the recordings have no place on the clock"))
    reply = played.slice(*span)
    start_s = played.start_s + span[0] / played.sample_rate_hz
    recording = captured.slice(
        captured.frame_at(start_s), captured.frame_at(start_s + reply.duration_s + TAIL_S)
    ).channel(0)
    if recording.frames < reply.frames * 0.5 * captured.sample_rate_hz / played.sample_rate_hz:
        return not_measured(too_short("the capture ended before the reply"))
    if rms_dbfs(recording.samples) < _SILENT_DBFS:
        return Reading(value=_NONE_DB, confidence=0.0)
    found = find_echo(reply.channel(0).samples, played.sample_rate_hz, recording.samples, captured.sample_rate_hz)
    if found is None:
        return not_measured(PLAYED_SILENT)
    return Reading(value=max(found.level_db, _NONE_DB), confidence=1.0 if found.distinct else 0.0)
