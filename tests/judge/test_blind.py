"""Measures of a recording by itself at both sides of each limit: alone, beside a reference, and for a voice."""

from dataclasses import replace

import pytest

from diag.core.chain import Segment, Tap
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Severity, Spot, Status, Tier
from diag.dsp.profile import Usual, VoiceProfile
from diag.dsp.voice_frames import VoiceFrames
from diag.judge.blind import beyond
from diag.judge.limits import CLEARLY_WORSE
from diag.judge.recording import Recording

ALONE = Recording(name="a.wav", sample_rate_hz=24000)
SEGMENT = Segment(Tap.RECEIVED, Tap.HEARD)
AGAINST = replace(ALONE, tap=Tap.HEARD, reference="r.wav", reference_rate_hz=24000, segment=SEGMENT)
FRAMES = VoiceFrames.__new__(VoiceFrames)


def of(value, *, tap=None, metric="flatness", tier=Tier.BLIND, segment=None, spots=()):
    missing = None if value is not None else Missing(MissingCode.SILENT, "it is silent")
    return Measurement(metric=metric, unit="1", value=value, missing=missing, tier=tier, tap=tap, segment=segment,
                       spots=spots)  # fmt: skip


def judged(*items, recording=ALONE, metric="flatness", **more):
    limits = {"warning": 0.15, "error": 0.2, "words": lambda value: msg("It is noise: {value:.3f}", value=value)}
    return beyond(Measurements(items), recording, metric, cause="c", fix="f", **{**limits, **more})


def voice(middle, low, high, metric="flatness"):
    usual = (Usual(metric=metric, middle=middle, low=low, high=high),)
    profile = VoiceProfile(name="Kore", duration_s=9.0, recordings=(), frames=FRAMES, apart_db=1.0, usual=usual)
    return replace(ALONE, voice=profile)


@pytest.mark.parametrize(
    ("value", "severity"),
    [(0.15, None), (0.1501, Severity.WARNING), (0.2, Severity.WARNING), (0.2001, Severity.ERROR)],
)
def test_what_is_beyond_a_limit_is_a_fault(value, severity):
    verdict = judged(of(value))
    assert verdict.status is (Status.CLEAR if severity is None else Status.RAISED)
    assert verdict.severity is severity


@pytest.mark.parametrize(
    ("value", "severity"), [(5.0, None), (4.99, Severity.WARNING), (3.0, Severity.WARNING), (2.99, Severity.ERROR)]
)
def test_below_a_limit_the_other_way_round(value, severity):
    verdict = judged(of(value), below=True, warning=5.0, error=3.0)
    assert verdict.severity is severity


def test_without_an_error_limit_it_is_always_a_warning():
    assert judged(of(99.0), error=None).severity is Severity.WARNING


@pytest.mark.parametrize(
    ("before", "severity"),
    [(0.1501, Severity.INFO), (0.15, Severity.WARNING), (0.1, Severity.WARNING), (None, Severity.WARNING)],
)
def test_what_the_reference_has_too_is_information(before, severity):
    verdict = judged(of(0.2, tap=Tap.HEARD), of(before, tap=Tap.RECEIVED), recording=AGAINST)
    assert verdict.severity is severity
    expected = "It is noise: 0.200; r.wav has it too" if severity is Severity.INFO else "It is noise: 0.200"
    assert verdict.title == expected


@pytest.mark.parametrize(("before", "severity"), [(0.76, Severity.INFO), (0.74, Severity.ERROR)])
def test_a_reference_with_less_than_three_quarters_of_it_does_not_have_it(before, severity):
    found = judged(of(1.0, tap=Tap.HEARD), of(before, tap=Tap.RECEIVED), recording=AGAINST)
    assert found.severity is severity


def test_only_the_measure_of_the_recording_by_itself_counts():
    others = (
        of(9.0, tap=Tap.HEARD, segment=SEGMENT),
        of(9.0, tap=Tap.RECEIVED),
        of(9.0, tap=Tap.HEARD, tier=Tier.PROFILE),
    )
    assert judged(*others, of(0.1, tap=Tap.HEARD), recording=AGAINST).status is Status.CLEAR
    verdict = judged(*others, recording=AGAINST)
    assert verdict.status is Status.NOT_CHECKED
    assert "flatness" in verdict.reason
    assert "it is silent" in judged(of(None)).reason


TIMES, BY = CLEARLY_WORSE["flatness"]
WORST = TIMES * 0.18 + BY


@pytest.mark.parametrize(
    ("value", "severity"),
    [
        (WORST, None),
        (WORST + 0.001, Severity.WARNING),
        (WORST + 0.05, Severity.WARNING),
        (WORST + 0.051, Severity.ERROR),
    ],
)
def test_what_a_voice_always_shows_is_a_fault_only_where_it_is_clearly_worse(value, severity):
    verdict = judged(of(value), recording=voice(0.16, 0.1, 0.18))
    assert verdict.severity is severity
    if severity is None:
        assert verdict.status is Status.CLEAR
        assert verdict.reason == f"as always with the voice Kore: it is noise: {value:.3f}"


@pytest.mark.parametrize(
    "recording", [voice(0.15, 0.1, 0.3), voice(0.16, 0.1, 0.3, metric="imaging"), ALONE], ids=["well", "other", "none"]
)
def test_a_voice_that_does_not_show_it_changes_nothing(recording):
    assert judged(of(0.2), recording=recording).severity is Severity.WARNING


def test_a_voice_of_a_low_edge_is_narrow_only_well_below_it():
    metric, share = "bandwidth_hz", CLEARLY_WORSE["bandwidth_hz"][0]
    limits = {"below": True, "warning": 10_000.0, "error": 8_200.0, "metric": metric}
    low = voice(7000.0, 6800.0, 7200.0, metric)
    assert judged(of(share * 6800 + 1, metric=metric), recording=low, **limits).status is Status.CLEAR
    assert judged(of(share * 6800 - 1, metric=metric), recording=low, **limits).severity is Severity.WARNING
    wide = voice(10_000.0, 9000.0, 11_000.0, metric)
    assert judged(of(9999.0, metric=metric), recording=wide, **limits).severity is Severity.WARNING


def test_the_evidence_has_the_value_with_its_label_and_the_places():
    spots = (Spot(Tap.HEARD, 1.0, 1.5),)
    (plain,), (placed,) = judged(of(0.3)).evidence, judged(of(0.3, spots=spots)).evidence
    assert plain.text == "Spectral flatness: 0.3"
    assert placed.text == "Spectral flatness: 0.3, at 1.25 s"
    assert placed.spots == spots


def test_an_unknown_measure_has_its_own_name():
    (evidence,) = judged(of(0.3, metric="own"), metric="own").evidence
    assert evidence.text == "own: 0.3"
