"""Echo of the reply in the capture."""

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
    """Level of the reply that the microphone picks up.

    What
        Level of the echo of the reply in `captured`, relative to the level that was played; -100 if the capture is
        digitally silent. Confidence 1 means that an echo was found. Confidence 0 means that none was found, and the
        value is the highest level that an undetected echo could have.
    From – to
        The reply in `played` – the same time and one second more in `captured`.
    Better is
        Lower. Above -40 dB is a warning: the service may mistake the echo for speech and interrupt itself.
    Not measured when
        Nothing was played in this turn, or one of the recordings has no start time.
    Reference
        The delay is found by deconvolution with the known reply. The level is a least-squares fit within ±2 ms of the
        largest peak in the first second. Both are weighted against other speech, so that an echo 20 dB below another
        speaker can be measured.
    """
    span = turn.reply_spans.get(Tap.PLAYED)
    if span is None:
        return not_measured(NOTHING_PLAYED)
    if played.start_s is None or captured.start_s is None:
        return not_measured(Missing(MissingCode.NO_CLOCK, "the recordings have no start time on the clock"))
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
