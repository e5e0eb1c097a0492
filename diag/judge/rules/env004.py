"""ENV004: the measuring tool itself was late or lost audio, so the take is discarded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from diag.core.chain import Hop, Tap
from diag.core.messages import Message, msg
from diag.core.missing import Missing
from diag.core.results import Evidence, Measurements, Verdict, not_checked, raised
from diag.core.take import Turn
from diag.core.timeline import EventName, Timeline
from diag.core.units import counted, format_seconds
from diag.judge.evidence import DEVICE_HOPS, all_clear, clear_if_measured, evidence_of, numbers, worst
from diag.judge.limits import LOSSY_OWN_AUDIO, OWN_AUDIO, RATE_ERROR, TONE_ERROR_DB, passes_unchanged
from diag.judge.registry import rule
from diag.measure.metrics.moments import stamps

GAP_LIMIT_S = 0.010
LOST_LIMIT_S = 0.002
LOOP_LIMIT_S = 0.020
LOOP_LIMIT_IN_TURN_S = 0.100
_APP_TAPS = {Hop.SENDER: Tap.SENT, Hop.PLAYER: Tap.HEARD}
"""Where the sound of an app is recorded: the end of the segment that is judged under the code of each of its hops."""
_LOSSES: Mapping[str, Callable[[str], Message]] = {
    "inserted_silence_s": lambda length: msg("inserted {length} of silence", length=length),
    "skipped_s": lambda length: msg("lost {length} of sound", length=length),
}
_SENDING_S, _ARRIVING_S = 0.15, 0.3
AROUND_S = 0.3
"""A wait for a core explains a gap at most so far from it: the sound waits in buffers before it is recorded."""
BLOCKS_S = 0.025
"""A wait makes a gap of its own length and of the blocks of sound that are lost with it: browsers lose one or two of
11.6 ms each."""


@rule("ENV004", name="harness-late", severity="warning", explained_by=("ENV001",))
def harness_late(
    timeline: Timeline, measurements: Measurements, environment: Mapping[str, Any], turns: tuple[Turn, ...]
) -> Verdict:
    """The measuring tool itself was late or lost audio, so the take is discarded.

    What it shows
        The tool disturbed its own measurement in one of five ways. Its event loop was blocked for more than 20 ms at
        a moment that is timed, or for more than 100 ms elsewhere in a turn. Its audio callbacks came later than the
        device's buffer allows. Its virtual devices lost audio. Its two ways of timing the reply disagree by more than
        10 ms. Every gap in the sound of an app is no longer than the app had to wait at that moment for a core that
        other programs used.

    Why it matters
        If the take counted, the voice app would be blamed for a fault of the tool. The report lists the discarded take.

    Evidence
        The events `loop_late`, `callback_late`, `xruns` and `app_waited`; silence inserted or sound lost on the
        microphone and speaker hops of virtual devices; `detector_gap_s`.

    Likely causes
        - The machine is busy, or too slow for so many takes in parallel.

    Fix
        Close other programs, or record fewer takes in parallel (`--rigs 1`).

    Does not prove
        That the voice app was faulty or healthy in this take.
    """
    kind = str(environment.get("audio", ""))
    seen = [
        *_late(timeline, turns),
        *(_xruns(timeline) if kind in OWN_AUDIO and timeline.first(EventName.PROMPT_STARTED) is not None else ()),
        *(_lost(measurements) if passes_unchanged(environment, LOSSY_OWN_AUDIO) else ()),
        *_waited(timeline, measurements),
    ]
    gaps = [item for item in measurements.find("detector_gap_s") if isinstance(item.value, float)]
    for item in gaps:
        tone_db = measurements.value("tonality_db", tap=Tap.RECEIVED, turn=item.turn) or 0.0
        # A steady tone matches itself at every period, so neither detector can tell where it began. If the loudspeaker
        # changes the time scale, the detector that compares with what was played cannot tell either.
        if _time_changed(measurements, item.turn):
            continue
        if isinstance(item.value, float) and item.value > GAP_LIMIT_S and tone_db < TONE_ERROR_DB:
            text = msg(
                "the latency by the ear's recording and the latency by events differ by {gap}, more than 10 ms",
                gap=format_seconds(item.value),
            )
            seen.append(Evidence(text=text, metric="detector_gap_s", turn=item.turn))
    if not seen:
        return _undisturbed(measurements, turns, lossy=passes_unchanged(environment, LOSSY_OWN_AUDIO))
    more = msg(" ({count})", count=counted(len(seen) - 1, "more disturbance")) if len(seen) > 1 else ""
    return raised(
        msg("The measuring tool disturbed this take: {text}{more}", text=seen[0].text, more=more),
        evidence=seen,
        likely_cause=msg("the machine was too busy to keep time"),
        fix=msg("close other programs on this machine, or record fewer takes in parallel (`--rigs 1`)"),
        discard=True,
    )


def _undisturbed(measurements: Measurements, turns: tuple[Turn, ...], *, lossy: bool) -> Verdict:
    """Return "clear" if everything that shows a disturbance was measured."""
    if not turns:
        return not_checked(msg("no turn took place"))
    lost = [(hop, metric) for hop in DEVICE_HOPS for metric in _LOSSES] if lossy else []
    return all_clear(
        [
            clear_if_measured(measurements.find("detector_gap_s"), "detector_gap_s"),
            *(clear_if_measured(measurements.find(metric, hop=hop), metric) for hop, metric in lost),
        ]
    )


def _time_changed(measurements: Measurements, turn: int | None) -> bool:
    ratios = measurements.find("time_ratio", hop=Hop.SPEAKER, turn=turn)
    return any(abs(ratio - 1) > RATE_ERROR for ratio, _ in numbers(ratios))


def _late(timeline: Timeline, turns: tuple[Turn, ...]) -> Iterator[Evidence]:
    for event in timeline.named("loop_late"):
        late_s = float(event.data.get("late_s") or 0.0)
        within = any(turn.start_s <= event.t_s and event.t_s - late_s <= turn.end_s for turn in turns)
        timed = any(_timed(timeline, turn, event.t_s - late_s, event.t_s) for turn in turns)
        if (within and late_s > LOOP_LIMIT_IN_TURN_S) or (timed and late_s > LOOP_LIMIT_S):
            yield Evidence(
                text=msg(
                    "the event loop was blocked for {late_s} at {t_s:.2f} s",
                    late_s=format_seconds(late_s),
                    t_s=event.t_s,
                )
            )
    opened = timeline.first("streams_opened")
    buffers: Mapping[str, Any] = (opened.data.get("latency_s") or {}) if opened else {}
    for event in timeline.named("callback_late"):
        late_s, port = float(event.data.get("late_s") or 0.0), str(event.data.get("port"))
        within = any(turn.start_s <= event.t_s <= turn.end_s for turn in turns)
        if within and late_s > float(buffers.get(port) or 0.0):
            yield Evidence(
                text=msg(
                    "the {port}'s callback came {late_s} late at {t_s:.2f} s",
                    port=port,
                    late_s=format_seconds(late_s),
                    t_s=event.t_s,
                )
            )


def _timed(timeline: Timeline, turn: Turn, start_s: float, end_s: float) -> bool:
    """Return whether a period touches a moment that latencies are counted from.

    Those moments are the sending of the prompt's last speech and the arrival of the reply's first audio. Nothing is
    timed in between, and a batch that is sent a little late there does no harm.
    """
    moments = [] if turn.speech_end_s is None else [(turn.speech_end_s, turn.speech_end_s + _SENDING_S)]
    first = timeline.first("chunk_received", start_s=turn.start_s, end_s=turn.end_s)
    if first is not None:
        moments.append((first.t_s - LOOP_LIMIT_S, first.t_s + _ARRIVING_S))
    return any(start_s <= last and end_s >= begin for begin, last in moments)


def _xruns(timeline: Timeline) -> Iterator[Evidence]:
    for event in timeline.named("xruns"):
        # What was lost before the first prompt was silence.
        lost = event.data.get("count", 0) - event.data.get("before_prompts", 0)
        if lost > 0:
            times = counted(lost, "time")
            yield Evidence(text=msg("audio was lost {times} at the {port}", times=times, port=event.data.get("port")))


def _waited(timeline: Timeline, measurements: Measurements) -> list[Evidence]:
    """Return the waits of an app for a core if they explain every gap in its sound; nothing if a gap is its own."""
    waits = [
        (event.t_s, event.data["within_s"], event.data["waited_s"]) for event in timeline.named(EventName.APP_WAITED)
    ]
    found = []
    for hop, tap in _APP_TAPS.items():
        start_s = _start_s(timeline, tap)
        measured = [item for metric in _LOSSES for item in measurements.find(metric, hop=hop) if item.value]
        for item, gap in [(one, event) for one in measured for event in one.events]:
            if start_s is None:
                return []
            at_s = start_s + gap.estimated_s
            near = [
                waited_s for until_s, within_s, waited_s in waits
                if until_s - within_s - AROUND_S <= at_s <= until_s + AROUND_S and gap.duration_s <= waited_s + BLOCKS_S
            ]  # fmt: skip
            if not near:
                return []
            gap_s, waited_s = format_seconds(gap.duration_s), format_seconds(max(near))
            found.append(
                evidence_of(
                    item,
                    msg(
                        "a gap of {gap_s} in `{tap}` while the app waited {waited_s} for a core",
                        gap_s=gap_s,
                        tap=tap,
                        waited_s=waited_s,
                    ),
                )
            )
    return found


def _start_s(timeline: Timeline, tap: Tap) -> float | None:
    """Return when the recording of `sent` or `heard` begins, on the clock of the take."""
    if tap is Tap.SENT:
        first = timeline.first(EventName.BATCH_SENT)
        return None if first is None else first.t_s
    blocks, opened = stamps(timeline, tap), timeline.first(EventName.STREAMS_OPENED)
    rate_hz = (opened.data.get("rates_hz") or {}).get("ear") if opened is not None else None
    if isinstance(blocks, Missing) or not rate_hz:
        return None
    start_s = blocks.leaves_device_s(0, rate_hz)
    return None if isinstance(start_s, Missing) else start_s


def _lost(measurements: Measurements) -> Iterator[Evidence]:
    for hop in DEVICE_HOPS:
        for metric, words in _LOSSES.items():
            found = worst(measurements.find(metric, hop=hop), float)
            if found is not None and found[0] > LOST_LIMIT_S:
                value, item = found
                yield evidence_of(
                    item,
                    msg(
                        "the virtual devices {value} on the {hop} hop",
                        value=words(format_seconds(value)),
                        hop=hop,
                    ),
                )
