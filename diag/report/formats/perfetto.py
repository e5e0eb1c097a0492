"""Trace events of takes, which ui.perfetto.dev and chrome://tracing open.

Source: "Trace Event Format", the JSON format of Chrome's tracing; times are in microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from diag.core.chain import Tap
from diag.core.results import Report, TakeResult
from diag.core.take import Take
from diag.core.timeline import EventName
from diag.measure.registry import Group, metrics_in
from diag.report.exports import export_format
from diag.report.sentences import label

_STAGES = "stages of the wait"


@export_format(suffix=".trace.json", summary="timeline of each take for ui.perfetto.dev")
def perfetto(report: Report, takes: Mapping[str, Sequence[Take]]) -> bytes:
    """Return one process per take, all from time 0: tracks for taps, stages and events, and what the player holds."""
    events: list[dict[str, Any]] = []
    for run in report.runs:
        results = {result.id: result for result in run.takes}
        for take in takes.get(run.folder or run.name, ()):
            result = results.get(take.id)
            events += _process(len({event["pid"] for event in events}) + 1, f"{run.name} {take.id}", take, result)
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}, ensure_ascii=False, default=str).encode()


def _process(pid: int, name: str, take: Take, result: TakeResult | None) -> Iterator[dict[str, Any]]:
    slices = [*_spans(take), *_stages(take, result)]
    sources = sorted({event.source for event in take.timeline})
    # Slices of one track must not overlap in part, so prompt and reply of a tap have a track each.
    numbers = {
        track: number for number, track in enumerate(dict.fromkeys([*(item[0] for item in slices), *sources]), 1)
    }
    yield {"ph": "M", "pid": pid, "tid": 0, "name": "process_name", "args": {"name": name}}
    for track, number in numbers.items():
        yield {"ph": "M", "pid": pid, "tid": number, "name": "thread_name", "args": {"name": track}}
        yield {"ph": "M", "pid": pid, "tid": number, "name": "thread_sort_index", "args": {"sort_index": number}}
    for track, title, start_s, end_s in slices:
        yield {"ph": "X", "pid": pid, "tid": numbers[track], "name": title, "cat": track, "ts": start_s * 1e6,
               "dur": max(end_s - start_s, 0.0) * 1e6, "args": {}}  # fmt: skip
    for event in take.timeline:
        # Stamps are thousands of numbers that belong to the recording.
        if event.name != EventName.STAMPS:
            yield {"ph": "i", "s": "t", "pid": pid, "tid": numbers[event.source], "name": event.name,
                   "cat": event.source, "ts": event.t_s * 1e6, "args": dict(event.data)}  # fmt: skip
    for t_s, held_s in _held(take):
        yield {"ph": "C", "pid": pid, "tid": 0, "name": "received and not yet played (ms)",
               "ts": t_s * 1e6, "args": {"ms": round(held_s * 1000, 1)}}  # fmt: skip


_Slice = tuple[str, str, float, float]
"""Track, title, start and end in seconds."""


def _spans(take: Take) -> Iterator[_Slice]:
    """Yield where the prompt and the reply of each turn are in the recording of each tap."""
    for turn in take.turns:
        sides = ("prompt", turn.prompt_name, turn.prompt_spans), ("reply", f"reply {turn.index + 1}", turn.reply_spans)
        for side, title, spans in sides:
            for tap, (first, last) in spans.items():
                clip = take.clips.get(tap)
                if clip is not None and clip.start_s is not None:
                    rate_hz = clip.sample_rate_hz
                    yield f"{tap.value}: {side}", title, clip.start_s + first / rate_hz, clip.start_s + last / rate_hz


def _stages(take: Take, result: TakeResult | None) -> Iterator[_Slice]:
    """Yield the stages of the wait one after another from the end of the speech, as in the report's waterfall."""
    for turn in take.turns:
        place_s = turn.speech_end_s
        for metric in metrics_in(Group.STAGES):
            value = None if result is None else result.measurements.value(metric, turn=turn.index)
            if place_s is None or value is None:
                break
            yield _STAGES, label(metric), place_s, place_s + value
            place_s += value


def _held(take: Take) -> Iterator[tuple[float, float]]:
    """Yield after each chunk how many seconds of the reply were received and not yet played."""
    received = take.clips.get(Tap.RECEIVED)
    started = take.timeline.first(EventName.PLAYOUT_STARTED)
    if received is None or started is None:
        return
    got_s = 0.0
    for event in take.timeline.named(EventName.CHUNK_RECEIVED):
        got_s += event.data.get("frames", 0) / received.sample_rate_hz
        yield event.t_s, max(got_s - max(event.t_s - started.t_s, 0.0), 0.0)
