"""The verdict on one recording in one sentence, and its measurements as rows."""

from dataclasses import replace

import pytest

from diag.core.chain import Segment, Tap
from diag.core.missing import Missing, MissingCode
from diag.core.results import Evidence, Finding, Measurement, Measurements, NotShown, Severity, Tier
from diag.judge.recording_result import AnalysisResult
from diag.measure.pooling import Part

ABSENT = Missing(MissingCode.TOO_SHORT, "too short")


def of(metric, value=1.0, tier=Tier.PROFILE):
    missing = ABSENT if value is None else None
    return Measurement(metric=metric, unit="1", value=value, missing=missing, tier=tier, tap=Tap.HEARD)


def fault(severity=Severity.ERROR, code="REC001"):
    return Finding(code=code, name="n", severity=severity, hop=None, title="It is broken", likely_cause="c", fix="f",
                   evidence=(Evidence(text="x"),), confidence=1.0)  # fmt: skip


def result(*items, **more):
    given = {"name": "a.wav", "sample_rate_hz": 24000, "duration_s": 2.0, "channels": 1, "reference": None,
             "measurements": Measurements(items), "findings": ()}  # fmt: skip
    return AnalysisResult(**{**given, **more})


SPEED, TREBLE = of("rate_ratio"), of("dullness_db")
ALONE = "shows no fault by itself; compare it with what was received (`--reference`) to be sure"
NO_TREBLE = "has the speed of the voice Kore, but its treble could not be compared"
NO_SPEED = "has the treble of the voice Kore, but its speed could not be compared"
UNKNOWN = "shows no fault by itself, but could not be compared with the profile of the voice Kore: {}"
COPY = "is a faithful copy of r.wav: right speed, whole treble, nothing missing or added"


@pytest.mark.parametrize(
    ("items", "more", "words"),
    [
        ((), {}, ALONE),
        ((SPEED, TREBLE), {}, ALONE),
        ((SPEED, TREBLE), {"voice": "Kore"}, "has the speed and treble of the voice Kore"),
        ((SPEED, of("dullness_db", None)), {"voice": "Kore"}, f"{NO_TREBLE}: too short"),
        ((of("rate_ratio", None), TREBLE), {"voice": "Kore"}, f"{NO_SPEED}: too short"),
        ((of("dullness_db", tier=Tier.BLIND), SPEED), {"voice": "Kore"}, f"{NO_TREBLE}: nothing to compare"),
        ((of("rate_ratio", tier=Tier.BLIND), TREBLE), {"voice": "Kore"}, f"{NO_SPEED}: nothing to compare"),
        ((), {"voice": "Kore"}, UNKNOWN.format("nothing to compare")),
        ((of("rate_ratio", None), of("dullness_db", None)), {"voice": "Kore"}, UNKNOWN.format("too short")),
        ((), {"reference": "r.wav"}, COPY),
        ((SPEED,), {"reference": "r.wav", "voice": "Kore"}, f"{COPY}; {NO_TREBLE}: nothing to compare"),
        ((), {"not_shown": (NotShown(what="x", reason="its speed (too short)", code="REC010"),)},
         "shows no fault by itself, but not everything could be checked: its speed (too short); compare it with what "
         "was received (`--reference`) or with other recordings of the voice (`--voice`)"),
        ((), {"reference": "r.wav", "not_shown": (NotShown(what="x", reason="it is short", code="PLY001"),)},
         "is not shown to be a faithful copy of r.wav: it is short"),
    ],
)  # fmt: skip
def test_a_recording_without_a_fault_says_what_was_shown(items, more, words):
    found = result(*items, **more)
    assert found.sentence == f"a.wav {words}."
    assert not found.failed


@pytest.mark.parametrize(
    ("severities", "words"),
    [
        ((Severity.ERROR,), "a.wav: It is broken [REC001]."),
        ((Severity.ERROR, Severity.INFO), "a.wav: It is broken [REC001]."),
        ((Severity.ERROR, Severity.WARNING), "a.wav: It is broken [REC001] (1 more finding)."),
        ((Severity.ERROR, Severity.WARNING, Severity.WARNING), "a.wav: It is broken [REC001] (2 more findings)."),
        ((Severity.INFO,), f"a.wav {ALONE}."),
    ],
)
def test_the_worst_finding_is_the_sentence(severities, words):
    assert result(findings=tuple(map(fault, severities))).sentence == words


def test_one_channel_of_several_is_named():
    assert result(channel=2, findings=(fault(),)).sentence == "a.wav (channel 2): It is broken [REC001]."
    assert result(channel=1).called == "a.wav (channel 1)"


def test_what_could_not_be_read_says_why():
    assert result(refused="Could not read a.wav: it is empty.").sentence == "Could not read a.wav: it is empty."


def test_measurements_are_rows_with_their_place():
    on_pair = replace(of("skipped_s", 0.5, Tier.WAVEFORM), tap=None, segment=Segment(Tap.RECEIVED, Tap.HEARD))
    of_reference = replace(SPEED, tap=Tap.RECEIVED)
    lone = replace(of("skipped_s", 0.4, Tier.WAVEFORM), tap=None)
    part = Part(start_s=1.0, end_s=2.0, sound_s=1.0, loud_dbfs=-20.0, measurements=Measurements((SPEED,)))
    found = result(SPEED, on_pair, of_reference, of("dullness_db", None), tap=Tap.HEARD, parts=(part,),
                   information=Measurements((of("dnsmos_sig", 3.0),)))  # fmt: skip
    rows = [(row["metric"], row["value"], row["of"], row["start_s"], row["end_s"], row["information"])
            for row in found.rows()]  # fmt: skip
    assert rows == [
        ("rate_ratio", 1.0, "recording", 0.0, 2.0, False), ("skipped_s", 0.5, "pair", 0.0, 2.0, False),
        ("dullness_db", None, "recording", 0.0, 2.0, False), ("rate_ratio", 1.0, "recording", 1.0, 2.0, False),
        ("dnsmos_sig", 3.0, "recording", 0.0, 2.0, True),
    ]  # fmt: skip
    assert [row["of"] for row in result(lone, replace(SPEED, tap=None)).rows()] == ["pair", "recording"]
    assert len(found.to_frame()) == len(rows)


def test_a_refused_recording_has_one_row_with_the_reason():
    (row,) = result(refused="It is empty.", duration_s=0.0).rows()
    assert (row["recording"], row["reason"], row["start_s"], row["end_s"]) == ("a.wav", "It is empty.", 0.0, 0.0)
    assert row["information"] is False
