"""Limits of the rule on lost treble of a recording against the profile of its voice, at both sides."""

from types import SimpleNamespace

import pytest

from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Severity, Status, Tier
from diag.judge.recording import Recording
from diag.judge.rules.rec012 import recording_dull_for_voice

ABSENT = Missing(MissingCode.TOO_SHORT, "too little speech")


def judged(loss_db, bands_db, spread_db=None):
    items = tuple(
        Measurement(metric=metric, unit="dB", value=value, missing=ABSENT if value is None else None, tier=Tier.PROFILE)
        for metric, value in (("dullness_db", loss_db), ("dullness_bands_db", bands_db))
    )
    voice = SimpleNamespace(name="Kore", treble_spread_db=spread_db)
    recording = Recording(name="a.wav", sample_rate_hz=24000, voice=voice)
    return recording_dull_for_voice(measurements=Measurements(items), recording=recording)


@pytest.mark.parametrize(
    ("loss_db", "bands_db", "spread_db", "severity"),
    [
        (4.0, (8.0, None, 0.0, 0.0), None, None),
        (4.1, (8.0, 0.0, 0.0, 0.0), None, Severity.WARNING),
        (0.0, (8.1, 0.0, 0.0, 0.0), None, Severity.WARNING),
        (6.0, (12.0, 0.0, 0.0, 0.0), None, Severity.WARNING),
        (6.1, (12.0, 0.0, 0.0, 0.0), None, Severity.ERROR),
        (6.0, (12.1, 0.0, 0.0, 0.0), None, Severity.ERROR),
        # A voice whose recordings differ by 3 dB among themselves has limits of 6 and 9 dB.
        (6.0, (12.0, 0.0, 0.0, 0.0), 3.0, None),
        (6.1, (12.0, 0.0, 0.0, 0.0), 3.0, Severity.WARNING),
        (9.0, (18.0, 0.0, 0.0, 0.0), 3.0, Severity.WARNING),
        (9.1, (0.0, 0.0, 0.0, 0.0), 3.0, Severity.ERROR),
        (0.0, (18.1, 0.0, 0.0, 0.0), 3.0, Severity.ERROR),
        (4.0, (8.0, 0.0, 0.0, 0.0), 1.0, None),
    ],
)
def test_treble_is_lost_by_its_mean_or_by_twice_as_much_in_one_band(loss_db, bands_db, spread_db, severity):
    found = judged(loss_db, bands_db, spread_db)
    assert found.severity is severity
    assert found.status is (Status.CLEAR if severity is None else Status.RAISED)


def test_without_bands_only_the_mean_is_judged():
    assert judged(4.0, None).reason == "dullness_bands_db: too little speech"
    assert judged(4.1, None).severity is Severity.WARNING
    assert judged(6.1, None).severity is Severity.ERROR
    assert judged(None, None).reason == "dullness_db: too little speech"
    assert judged(12.5, (14.0, None, 6.0, 4.0)).evidence[0].text == "dullness_db is 12.5 against the voice"
