"""A look at the audio of this machine, with the devices replaced."""

from contextlib import contextmanager
from types import SimpleNamespace

from diag.api import audio_check
from diag.record.audio import rigs
from diag.record.audio.calibration import Calibration


def looks_of(monkeypatch, *confidences_of_the_speaker):
    """Have each look find the mouth, and the speaker with one confidence after the other; return the looks taken."""
    looks = []

    @contextmanager
    def farm(kind, **more):
        yield SimpleNamespace(rigs=[kind])

    async def looked(rig, begin_s):
        found = {"mouth": 0.9, "speaker": confidences_of_the_speaker[len(looks)]}
        looks.append(rig)
        paths = tuple(
            Calibration(port=port, delay_s=None if confidence < 0.25 else 0.05, confidence=confidence,
                        signal_dbfs=-30.0)
            for port, confidence in found.items()
        )  # fmt: skip
        devices = dict.fromkeys(("mouth", "speaker", "ear"), "Desk")
        return audio_check.Loopback(open_s=0.1, rates="", xruns=1, paths=paths, devices=devices)

    monkeypatch.setattr(rigs, "open_farm", farm)
    monkeypatch.setattr(audio_check, "_loopback", looked)
    return looks


def test_a_path_that_is_not_heard_is_tried_once_more(monkeypatch):
    looks = looks_of(monkeypatch, 0.01, 0.8)
    seen = audio_check.measure_loopback("system", {})
    assert [path.confidence for path in seen.paths] == [0.9, 0.8]
    assert (len(looks), seen.xruns) == (2, 2)


def test_a_path_that_is_not_heard_twice_is_not_heard(monkeypatch):
    looks = looks_of(monkeypatch, 0.01, 0.02)
    seen = audio_check.measure_loopback("system", {})
    assert [path.delay_s for path in seen.paths] == [0.05, None]
    assert len(looks) == 2


def test_one_look_is_enough_where_every_path_is_heard(monkeypatch):
    looks = looks_of(monkeypatch, 0.7)
    assert audio_check.measure_loopback("system", {}).xruns == 1
    assert len(looks) == 1
