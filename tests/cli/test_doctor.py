"""What the doctor and `diag devices` say, over a machine of cardboard and over wire."""

import json
from contextlib import contextmanager

import pytest

from diag.api.audio_check import Loopback
from diag.core.chain import PORTS
from diag.core.errors import CannotMeasureError
from diag.record.audio.calibration import Calibration
from diag.record.audio.portaudio import Device
from diag.record.audio.ports import Rig
from diag.record.audio.rigs import Farm
from diag.record.live.genai import Endpoint

MODELS = ["models/gemini-3.8-live", "models/gemini-2.5-flash-native-audio-latest"]


def path(port, at, delay_s, *, confidence=0.99, level_db=0.0):
    level = None if delay_s is None else level_db
    return Calibration(
        port=port, at=at, delay_s=delay_s, confidence=confidence, signal_dbfs=-20.0, level_db=level
    )  # fmt: skip


def loopback_of(*paths, xruns=0):
    return Loopback(open_s=0.3, rates="ear 48000 Hz", xruns=xruns, paths=paths, devices=dict.fromkeys(PORTS, "x"))


HEARD = loopback_of(
    path("mouth", "ear", 0.001), path("speaker", "ear", 0.002), path("mouth", "microphone", 0.001),
    path("speaker", "microphone", None, confidence=0.01),
)  # fmt: skip


@pytest.fixture
def machine(monkeypatch):
    """A machine in order: `machine["loopback"]` and `machine["models"]` may be changed, to an error too."""
    state = {"loopback": HEARD, "models": {"models": MODELS}}

    def loopback(kind, devices):
        if isinstance(state["loopback"], Exception):
            raise state["loopback"]
        return state["loopback"]

    async def live_models(endpoint, api_version):
        return state["models"]

    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getloadavg", lambda: (0.5, 0.5, 0.5))
    monkeypatch.setattr("diag.api.audio_check.measure_loopback", loopback)
    monkeypatch.setattr("diag.record.live.genai.live_models", live_models)
    monkeypatch.setattr(
        "diag.api.doctor._open_endpoint", lambda *_: Endpoint(kind="emulator", base_url="https://localhost:1")
    )
    return state


def checks_of(diag, *words):
    done = diag("doctor", *words, "--json")
    document = json.loads(done.out)
    assert document["schema_version"] == 1
    return done, {check["name"]: check for check in document["checks"]}


def test_machine_in_order(diag, machine):
    done, checks = checks_of(diag)
    assert done.code == 0
    assert {check["state"] for check in checks.values()} <= {"good", "unknown"}
    assert list(checks) == [
        "machine", "packages", "output folder", "audio", "mouth to ear", "speaker to ear", "mouth to microphone",
        "speaker to microphone", "key", "service", "model of healthy", "modality",
    ]  # fmt: skip
    assert all(check["state"] == "unknown" or not check["fix"] for check in checks.values())
    assert "heard after 1.0 ms, +0 dB, confidence 0.99" in done.err


def test_busy_machine_is_watched(diag, machine, monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (64.0, 1.0, 1.0))
    monkeypatch.setattr("diag.api.doctor.cores", lambda: 2)
    done, checks = checks_of(diag)
    assert done.code == 0
    assert checks["machine"]["state"] == "watch"
    assert "2 cores, load 64.0" in checks["machine"]["seen"]


def test_audio_that_does_not_open_is_fixed_by_its_own_next_step(diag, machine):
    machine["loopback"] = CannotMeasureError("x", seen="PortAudio is missing", next_step="apt-get install it")
    done, checks = checks_of(diag)
    assert done.code == 3
    assert (checks["audio"]["state"], checks["audio"]["fix"]) == ("fails", "apt-get install it")
    assert "▲ audio                  PortAudio is missing\n    apt-get install it\n" in done.err
    assert checks["model of healthy"]["state"] == "good"


def test_a_speaker_that_the_ear_does_not_hear_is_watched(diag, machine):
    machine["loopback"] = loopback_of(path("speaker", "ear", None, confidence=0.1), xruns=2)
    done, checks = checks_of(diag)
    assert done.code == 0
    assert checks["speaker to ear"]["state"] == "watch"
    assert "ear hears it" in checks["speaker to ear"]["fix"]
    assert checks["audio"]["state"] == "watch"


def test_a_headset_is_in_order_although_the_ear_does_not_hear_the_mouth(diag, machine):
    machine["loopback"] = loopback_of(
        path("mouth", "ear", None, confidence=0.01), path("speaker", "ear", 0.03), path("mouth", "microphone", 0.02)
    )
    _, checks = checks_of(diag)
    assert {checks[name]["state"] for name in ("mouth to ear", "speaker to ear", "mouth to microphone")} == {"good"}


def test_a_microphone_that_hears_the_speaker_is_watched(diag, machine):
    machine["loopback"] = loopback_of(path("speaker", "microphone", 0.03, level_db=-15.0))
    _, checks = checks_of(diag)
    assert checks["speaker to microphone"]["state"] == "watch"
    assert "-15 dB" in checks["speaker to microphone"]["seen"]
    assert "headset" in checks["speaker to microphone"]["fix"]


def test_real_service_without_a_key(diag, monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    done, checks = checks_of(diag, "--audio", "wire", "--endpoint", "gemini")
    assert done.code == 3
    assert checks["key"]["state"] == "fails"
    assert checks["key"]["fix"].startswith("export GEMINI_API_KEY=")
    assert checks["service"]["state"] == "fails"


def test_key_is_named_and_never_shown(diag, machine, monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-secret-0123456789")
    done, checks = checks_of(diag)
    assert checks["key"] == {**checks["key"], "state": "good"}
    assert "GOOGLE_API_KEY is set" in checks["key"]["seen"]
    assert "secret" not in done.out + done.err


def test_model_that_is_not_served_names_the_nearest(diag, machine):
    machine["models"] = {"models": [MODELS[1]]}
    done, checks = checks_of(diag)
    assert done.code == 1
    assert checks["model of healthy"]["state"] == "fails"
    assert checks["model of healthy"]["fix"] == f'set session.model = "{MODELS[1]}"'


def test_service_that_cannot_be_asked(diag, machine):
    machine["models"] = {"models": [], "error": "ConnectError"}
    done, checks = checks_of(diag)
    assert done.code == 3
    assert "ConnectError" in checks["service"]["seen"]
    assert "model of healthy" not in checks


@pytest.mark.parametrize(
    ("setting", "seen"),
    [
        ("", "response_modalities is not set"),
        ('response_modalities = ["TEXT"]', "TEXT is asked"),
        ("response_modalities = []", "an empty"),
    ],
)
def test_modality_that_cannot_give_audio(diag, machine, tmp_path, setting, seen):
    path = tmp_path / "mine.toml"
    path.write_text(f"[session]\n{setting}\n")
    done, checks = checks_of(diag, str(path))
    assert done.code == 1
    assert checks["modality"]["seen"].startswith(seen)
    assert checks["modality"]["fix"].startswith('set session.response_modalities = ["AUDIO"]')


def test_output_folder_that_cannot_be_written(diag, machine, tmp_path):
    (tmp_path / "file").write_text("")
    done, checks = checks_of(diag, "--out", str(tmp_path / "file"))
    assert done.code == 3
    assert checks["output folder"]["state"] == "fails"
    assert "--out" in checks["output folder"]["fix"]


def test_wire_loopback_is_really_measured(diag):
    done = diag("devices", "--calibrate", "--audio", "wire", "--json")
    states = {check["name"]: check["state"] for check in json.loads(done.out)["checks"]}
    assert states["mouth to ear"] == states["speaker to ear"] == states["mouth to microphone"] == "good"
    assert done.code == 0


def test_no_devices_is_no_error(diag, monkeypatch):
    monkeypatch.setattr("diag.api.audio_check.found_devices", tuple)
    done = diag("devices")
    assert done.code == 0
    assert done.out.startswith("there are no audio devices on this machine; --audio virtual creates its own")


def test_list_of_devices(diag, monkeypatch):
    device = Device(
        index=3, name="USB: Audio (hw:1,0)", host_api="ALSA", input_channels=2, output_channels=0,
        default_rate_hz=48000, rates_hz=(44100, 48000),
    )  # fmt: skip
    monkeypatch.setattr("diag.api.audio_check.found_devices", lambda: (device,))
    done = diag("devices")
    assert done.out.splitlines() == [
        "number  in  out  name",
        "     3   2    0  USB: Audio (hw:1,0) (ALSA)",
        "                 rates in Hz: 44100, 48000",
    ]
    assert json.loads(diag("devices", "--json").out)["devices"][0]["rates_hz"] == [44100, 48000]


def test_held_rigs_tell_what_other_programs_must_set(diag, monkeypatch):
    ports = {port: f"rig0_{port}" for port in ("mouth", "microphone", "speaker", "ear")}
    variables = {
        "environment": {"PULSE_SERVER": "unix:/tmp/a b", "ALSA_CONFIG_PATH": "all.conf"},
        "app_environment": {"ALSA_CONFIG_PATH": "rig0.conf", "PULSE_SINK": "rig0_speaker"},
    }
    rig = Rig(kind="virtual", name="rig0", options={**ports, **variables})
    closed = []

    @contextmanager
    def open_farm(kind, *, rigs, for_programs):
        assert for_programs
        yield Farm(kind=kind, rigs=(rig,) * rigs)
        closed.append(rigs)

    def stopped():
        raise KeyboardInterrupt

    monkeypatch.setattr("diag.record.audio.rigs.open_farm", open_farm)
    monkeypatch.setattr("signal.pause", stopped)
    done = diag("devices", "--hold")
    assert done.code == 130
    assert "  export PULSE_SERVER='unix:/tmp/a b'\n" in done.out
    assert "  export ALSA_CONFIG_PATH=rig0.conf\n" in done.out
    assert "  export PULSE_SINK=rig0_speaker\n" in done.out
    assert "  rig0_mouth, rig0_microphone, rig0_speaker, rig0_ear\n" in done.out
    assert done.err.endswith("Stopped. The virtual devices were removed.\n")
    document = json.loads(diag("devices", "--hold", "--json", "--rigs", "2").out)
    assert len(document["rigs"]) == 2


def test_hold_and_calibrate_exclude_each_other(diag):
    done = diag("devices", "--hold", "--calibrate")
    assert done.code == 2
    assert "allowed: one of them" in done.err
