"""Opinion scores beside our measures: information with a reason where there is none, never part of a verdict.

Most tests put a stand-in where the package would be, so they run without the extra `mos`.
"""

import importlib
import json
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from builders import resampled, speech

from diag.api import opinion_scores as mos
from diag.api.analyze import analyze
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Tier
from diag.report.recording_text import exit_code, results_document, results_text

PACKAGE = Path(mos.__file__).parents[1]
SPEECH = speech(2.0, 4, 24000)
CLIP = Clip(samples=SPEECH, sample_rate_hz=24000)
DULL = Clip(samples=resampled(resampled(SPEECH, 24000, 8000), 8000, 24000), sample_rate_hz=24000)
DNSMOS = {"dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "dnsmos_p808"}


class PesqError(RuntimeError):
    """As the package raises."""


@pytest.fixture
def stand_ins(monkeypatch):
    """Packages that note what they were given."""
    given = {}

    def dnsmos(samples, rate_hz):
        given["dnsmos"] = (samples, rate_hz)
        return {"sig_mos": 3.5, "bak_mos": 4.0, "ovrl_mos": 3.2, "p808_mos": np.float32(3.75)}

    def pesq(rate_hz, reference, estimated, mode):
        given["pesq"] = (rate_hz, reference, estimated, mode)
        if np.abs(estimated).max() > 0.9:
            raise PesqError(b"No utterances detected")
        return 4.25

    class Visqol:
        def create(self, mode):
            given["visqol mode"] = mode

        def measure_from_arrays(self, reference, estimated, sample_rate):
            given["visqol"] = (sample_rate, reference, estimated)
            return types.SimpleNamespace(moslqo=3.0)

    package = types.ModuleType("speechmos")
    setattr(package, "dnsmos", types.SimpleNamespace(run=dnsmos))  # noqa: B010 (a module that is made here)
    monkeypatch.setitem(sys.modules, "speechmos", package)
    monkeypatch.setitem(sys.modules, "speechmos.dnsmos", package.dnsmos)
    monkeypatch.setitem(sys.modules, "pesq", types.SimpleNamespace(pesq=pesq, PesqError=PesqError))
    monkeypatch.setitem(sys.modules, "visqol", types.SimpleNamespace(VisqolApi=Visqol))
    mos._visqol_model.cache_clear()
    yield given
    mos._visqol_model.cache_clear()


@pytest.fixture
def nothing_installed(monkeypatch):
    for name in ("speechmos", "speechmos.dnsmos", "pesq", "visqol"):
        monkeypatch.setitem(sys.modules, name, None)
    mos._visqol_model.cache_clear()
    yield
    mos._visqol_model.cache_clear()


def by_name(measurements):
    return {item.metric: item for item in measurements}


def test_each_model_gets_its_rate_and_its_tier_is_told(stand_ins):
    found = by_name(mos.opinions(DULL, CLIP))
    assert {name: item.value for name, item in found.items()} == {
        "dnsmos_sig": 3.5, "dnsmos_bak": 4.0, "dnsmos_ovrl": 3.2, "dnsmos_p808": 3.75, "pesq_wb": 4.25, "visqol": 3.0,
    }  # fmt: skip
    assert {found[name].tier for name in DNSMOS} == {Tier.BLIND}
    assert found["pesq_wb"].tier is found["visqol"].tier is Tier.WAVEFORM
    assert {item.unit for item in found.values()} == {"MOS"}
    assert stand_ins["dnsmos"][1] == 16000
    assert stand_ins["dnsmos"][0].size == 2 * 16000
    assert (stand_ins["pesq"][0], stand_ins["pesq"][3]) == (16000, "wb")
    assert (stand_ins["visqol"][0], stand_ins["visqol"][1].size) == (48000, 2 * 48000)
    assert stand_ins["visqol mode"] == "audio"


def test_reference_and_estimate_are_not_swapped(stand_ins):
    quiet = Clip(samples=SPEECH * np.float32(0.01), sample_rate_hz=24000)
    mos.opinions(quiet, CLIP)
    for name in ("pesq", "visqol"):
        _, reference, estimated, *_ = stand_ins[name]
        assert np.abs(estimated).max() < 0.05 * np.abs(reference).max()


def test_without_a_reference_only_the_blind_ones(stand_ins):
    assert set(by_name(mos.opinions(CLIP))) == DNSMOS


def test_what_a_model_refuses_is_a_reason(stand_ins):
    loud = Clip(samples=SPEECH / np.abs(SPEECH).max(), sample_rate_hz=24000)
    assert mos.pesq_wb(CLIP, loud).missing == Missing(MissingCode.REFUSED, "PESQ refused: No utterances detected")


def test_full_scale_of_a_float_recording_is_kept(stand_ins):
    """DNSMOS refuses samples beyond full scale."""
    mos.dnsmos(Clip(samples=SPEECH / np.abs(SPEECH).max() * 3, sample_rate_hz=24000))
    assert np.abs(stand_ins["dnsmos"][0]).max() == 1.0


def test_stereo_is_mixed_down(stand_ins):
    mos.dnsmos(Clip(samples=np.stack([SPEECH, SPEECH], axis=1), sample_rate_hz=24000))
    assert stand_ins["dnsmos"][0].shape == (2 * 16000,)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (SPEECH[:12000], "shorter than 1 s"),
        (np.tile(SPEECH, 31), "longer than 60 s"),
        (np.zeros(48000, np.float32), "silent"),
        (np.full(48000, 0.5, np.float32), "silent"),
        (np.zeros(0, np.float32), "shorter than 1 s"),
        (np.ones(1, np.float32), "shorter than 1 s"),
    ],
    ids=["short", "long", "silence", "direct current", "empty", "one sample"],
)
def test_what_cannot_be_scored_has_a_reason(stand_ins, samples, words):
    clip = Clip(samples=samples, sample_rate_hz=24000)
    for item in mos.opinions(clip, CLIP):
        assert item.value is None
        assert words in item.reason
    assert words in mos.visqol(clip, CLIP).missing.text
    assert "the reference" in mos.pesq_wb(clip, CLIP).missing.text
    assert stand_ins == {}


def test_without_the_extra_each_says_how_to_install_it(nothing_installed):
    found = by_name(mos.opinions(CLIP, CLIP))
    assert len(found) == len(DNSMOS) + 2
    for item in found.values():
        assert item.value is None
        assert "pip install 'diag[mos]'" in item.reason
    assert "`pesq`" in found["pesq_wb"].reason


def test_importing_the_module_imports_no_model():
    models = {"speechmos", "pesq", "visqol", "onnxruntime", "librosa"}
    code = f"import sys, diag.api.opinion_scores, diag.api.analyze; print(sorted({models!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_that_judges_knows_of_opinion_scores():
    judging = [path for folder in ("judge", "measure", "dsp") for path in (PACKAGE / folder).rglob("*.py")]
    for path in judging:
        text = path.read_text(encoding="utf-8").lower()
        assert not [name for name in ("diag.api.opinion_scores", "dnsmos", "pesq", "visqol") if name in text], path


# --- in `diag analyze`


def scored(monkeypatch):
    """Scores as the models would give, without them."""
    module = importlib.import_module("diag.api.analyze")

    def opinions(clip, reference=None):
        sig = Measurement(metric="dnsmos_sig", unit="MOS", value=1.25, missing=None, tier=Tier.BLIND)
        reason = Missing(MissingCode.NOT_INSTALLED, "not installed")
        missing = Measurement(metric="pesq_wb", unit="MOS", value=None, missing=reason, tier=Tier.WAVEFORM)
        return Measurements((sig, missing) if reference is not None else (sig,))

    monkeypatch.setattr(module, "opinions", opinions)


def test_opinion_scores_are_information_and_change_no_verdict(monkeypatch):
    scored(monkeypatch)
    copy = Clip(samples=resampled(SPEECH, 24000, 48000), sample_rate_hz=48000)
    given = {"reference": Clip(samples=SPEECH, sample_rate_hz=24000)}
    plain, asked = analyze(copy, **given), analyze(copy, **given, mos=True)
    assert not plain.information.items
    assert (asked.sentence, asked.findings, asked.failed) == (plain.sentence, plain.findings, plain.failed)
    assert [item.metric for item in asked.information] == ["dnsmos_sig", "pesq_wb"]
    assert [item.metric for item in asked.measurements] == [item.metric for item in plain.measurements]
    assert exit_code([asked]) == exit_code([plain]) == 0
    text = results_text([asked], exit_code([asked]))
    block = text.split("Opinion scores (1 to 5), for information only")[1]
    assert "DNSMOS, speech         1.25  (by itself)" in block
    assert "PESQ, wide band not scored: not installed" in block
    assert "Opinion scores" not in results_text([plain], exit_code([plain]))


def test_opinion_scores_are_marked_in_documents_and_tables(monkeypatch):
    scored(monkeypatch)
    result = analyze(SPEECH, 24000, mos=True)
    assert [item["metric"] for item in result.to_json()["information"]] == ["dnsmos_sig"]
    assert json.loads(json.dumps(results_document([result])))["runs"][0]["takes"][0]["information"][0]["value"] == 1.25
    frame = result.to_frame()
    assert list(frame.metric[frame.information]) == ["dnsmos_sig"]
    assert "bandwidth_hz" in set(frame.metric[~frame.information])


def test_a_recording_of_many_minutes_is_not_read_whole_for_scores():
    long = Clip(samples=np.tile(SPEECH, 91), sample_rate_hz=24000)
    result = analyze(long, mos=True)
    assert {item.metric for item in result.information} == {"dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "dnsmos_p808"}
    assert all("longer than 60 s" in item.reason for item in result.information)


# --- the real models, where the extra is installed


def test_dnsmos_gives_scores_between_1_and_5():
    pytest.importorskip("speechmos", reason="the extra `mos` is not installed")
    pytest.importorskip("onnxruntime", reason="the extra `mos` is not installed")
    found = mos.dnsmos(CLIP)
    assert set(found) == DNSMOS
    assert all(1.0 <= reading.value <= 5.0 for reading in found.values())


def test_pesq_gives_a_copy_its_maximum_and_a_telephone_less():
    pytest.importorskip("pesq", reason="the extra `mos` is not installed")
    assert mos.pesq_wb(CLIP, CLIP).value == pytest.approx(4.64, abs=0.01)
    assert mos.pesq_wb(CLIP, DULL).value < 4.6


def test_visqol_gives_a_copy_its_maximum_and_a_telephone_less():
    pytest.importorskip("visqol", reason="the extra `mos` is not installed")
    assert mos.visqol(CLIP, CLIP).value == pytest.approx(4.73, abs=0.01)
    assert mos.visqol(CLIP, DULL).value < 4.0
