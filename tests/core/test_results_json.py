"""Results as JSON: every field is there, in plain types."""

import json

from diag.core.chain import Hop, Segment, Tap
from diag.core.missing import Missing, MissingCode
from diag.core.results import (
    Measurement,
    Report,
    RunResult,
    SoundEvent,
    Tier,
    VerdictLine,
)
from diag.core.states import State

EVENT = SoundEvent(kind="stall", reference_s=1.0, estimated_s=1.5, duration_s=0.2)


def measurement(**more):
    given = {"metric": "inserted_silence_s", "unit": "s", "value": 0.2, "missing": None, "tier": Tier.WAVEFORM}
    return Measurement(**{**given, **more})


def test_an_event_is_written_with_all_of_its_fields():
    document = json.loads(json.dumps(measurement(events=(EVENT,)).to_json()))
    assert document["events"] == [
        {"kind": "stall", "reference_s": 1.0, "estimated_s": 1.5, "duration_s": 0.2, "level_db": None, "count": 1,
         "period_s": None}
    ]  # fmt: skip


def test_without_events_the_key_is_left_out():
    assert "events" not in measurement().to_json()


def test_an_event_is_moved_on_both_clocks():
    later = EVENT.later(10.0, 20.0)
    assert (later.reference_s, later.estimated_s, later.duration_s) == (11.0, 21.5, 0.2)


def test_a_reason_is_written_with_its_code():
    missing = Missing(MissingCode.NO_MATCH, "the output is not a copy of the input")
    document = measurement(value=None, missing=missing).to_json()
    assert (document["reason"], document["reason_code"]) == (missing.text, "no_match")


def test_a_merged_segment_names_both_of_its_taps():
    assert "segment" not in measurement(segment=Hop.PLAYER.segment).to_json()
    merged = measurement(segment=Segment(Tap.RECEIVED, Tap.HEARD)).to_json()
    assert (merged["hop"], merged["segment"]) == (Segment(Tap.RECEIVED, Tap.HEARD).hop.value, ["received", "heard"])


RUN = RunResult(name="a", title="", config={}, environment={}, takes=(), summary=(), findings=())


def test_a_report_without_a_bench_has_no_bench_in_its_document():
    document = Report(runs=(RUN,)).to_json()
    assert document.keys() == {"schema_version", "runs", "comparisons", "verdict", "report"}
    assert (document["verdict"], document["report"]) == ("", None)


def test_the_verdict_of_a_report_is_one_line():
    line = VerdictLine(State.FAILS, "NOT READY", "It is too slow.", "Open the stream at 24000 Hz.")
    assert Report(runs=(RUN,), verdict=line).to_json()["verdict"] == "NOT READY  It is too slow."
