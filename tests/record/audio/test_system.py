"""Choosing this machine's devices by name or number, without opening any."""

import pytest

from diag.core.errors import BadInputError, CannotMeasureError
from diag.record.audio import portaudio, system
from diag.record.audio.portaudio import Device, find_device
from diag.record.audio.ports import PortPlan, Rig
from diag.record.audio.pulse import ServerDevice, SoundServer
from diag.record.audio.rigs import open_farm, open_session
from diag.record.audio.system import system_rig


def device(index, name, inputs, outputs):
    return Device(
        index=index, name=name, host_api="ALSA", input_channels=inputs, output_channels=outputs, default_rate_hz=48000
    )


DEVICES = (
    device(0, "USB Audio: front", 0, 2),
    device(1, "USB Audio: line in", 2, 0),
    device(2, "Built-in", 1, 2),
    device(3, "Built-in surround", 0, 6),
)


@pytest.fixture(autouse=True)
def _four_devices(monkeypatch):
    monkeypatch.setattr(portaudio, "list_devices", lambda *_, **__: DEVICES)
    monkeypatch.setattr(system, "default_devices", lambda: (DEVICES[2], None))


@pytest.mark.parametrize(
    ("named", "port", "index"),
    [
        ("usb", "ear", 1),
        ("usb", "speaker", 0),
        ("2", "microphone", 2),
        ("Built-in", "mouth", 2),
        ("SURROUND", "mouth", 3),
    ],
)
def test_a_number_a_whole_name_or_a_unique_part_finds_a_device(named, port, index):
    assert find_device(named, port).index == index


@pytest.mark.parametrize(
    ("named", "port", "said"), [("i", "mouth", "matches 3"), ("bluetooth", "ear", "matches none"), ("0", "ear", "none")]
)
def test_what_fits_none_or_several_lists_the_candidates(named, port, said):
    with pytest.raises(BadInputError) as caught:
        find_device(named, port)
    assert said in str(caught.value)
    assert "2 Built-in" in str(caught.value)


OF_A_SERVER = {"steady_stamps": True, "shared": True}
"""Options of every rig: stamps may be estimates, and other programs may play to the same devices."""
SERVED = (
    ServerDevice(name="alsa_output.usb", title="USB Headset Stereo", is_input=False, is_default=True),
    ServerDevice(name="alsa_input.usb", title="USB Headset Mono", is_input=True, is_default=True),
)


def test_devices_of_the_sound_server_are_found_by_the_names_that_people_see(monkeypatch):
    monkeypatch.setattr(portaudio, "list_devices", lambda *_, **__: (*DEVICES, device(4, "pulse", 32, 32)))
    monkeypatch.setattr(portaudio, "users_server", lambda: SoundServer(name="PipeWire 1.0.5", devices=SERVED))
    found = find_device("headset stereo", "speaker")
    assert (found.index, found.name, dict(found.environment)) == (
        4, "USB Headset Stereo", {"PULSE_SINK": "alsa_output.usb"},
    )  # fmt: skip
    assert dict(find_device("alsa_input.usb", "ear").environment) == {"PULSE_SOURCE": "alsa_input.usb"}
    with pytest.raises(BadInputError, match="USB Headset Mono"):
        find_device("bluetooth", "ear")


def test_a_person_speaks_with_the_microphone_alone():
    rig = system_rig({"mouth": "person", "speaker": "surround", "ear": "none"})
    assert rig.options == {
        **OF_A_SERVER, "ear_channels": 1, "speaker": "Built-in surround", "microphone": "Built-in",
    }  # fmt: skip
    with pytest.raises(BadInputError, match="microphone is closed"):
        system_rig({"mouth": "person", "microphone": "none", "speaker": "surround"})


def test_a_rig_names_whole_devices_and_leaves_none_closed():
    rig = system_rig({"mouth": "front", "speaker": "surround", "ear": "None", "ear_channels": "2"})
    assert rig.options == {
        **OF_A_SERVER,
        "ear_channels": 2,
        "mouth": "USB Audio: front",
        "speaker": "Built-in surround",
        "microphone": "Built-in",
    }


def test_a_port_without_a_default_device_says_what_to_do():
    with (
        pytest.raises(
            CannotMeasureError, match=r"no default output device.*use `--audio virtual`.*--device speaker=none"
        ),
        open_farm("system", devices={"mouth": "front"}),
    ):
        pass


@pytest.mark.parametrize("closed", ["mouth", "microphone"])
def test_mouth_and_microphone_close_together(closed):
    rig = system_rig({closed: "none", "speaker": "surround", "ear": "line in"})
    assert rig.options == {
        **OF_A_SERVER, "ear_channels": 1, "speaker": "Built-in surround", "ear": "USB Audio: line in",
    }  # fmt: skip


def test_a_microphone_that_is_named_beside_a_closed_mouth_is_refused():
    with pytest.raises(BadInputError, match="a device for only one of mouth and microphone"):
        system_rig({"mouth": "none", "microphone": "Built-in", "speaker": "surround"})


@pytest.mark.parametrize("devices", [{"loudspeaker": "usb"}, {"ear_channels": "3"}])
def test_unknown_options_are_refused(devices):
    with pytest.raises(BadInputError, match="mouth, microphone, speaker, ear"):
        system_rig(devices)


@pytest.mark.parametrize("closed", ["mouth", "microphone"])
def test_a_mouth_without_a_microphone_and_the_reverse_are_refused(closed):
    devices = {"mouth": "front", "microphone": "line in", "speaker": "surround", "ear": "none"}
    with pytest.raises(BadInputError, match="a device for only one of mouth"):
        system_rig(devices | {closed: "none"})
    options = system_rig(devices | {"mouth": "none", "microphone": "none"}).options
    assert options.keys() - OF_A_SERVER.keys() == {"speaker", "ear_channels"}


def test_an_unknown_kind_is_refused():
    with pytest.raises(BadInputError, match="virtual, wire, system"), open_farm("jack"):
        pass


def test_a_rig_without_a_nowhere_cannot_disconnect_its_speaker():
    plan = PortPlan(
        mouth=None, microphone=None, speaker=None, ear=None, microphone_rate_hz=16000, speaker_rate_hz=24000
    )
    with pytest.raises(CannotMeasureError, match="no silent output device"):
        open_session(Rig(kind="system", name="system"), plan, speaker_connected=False)
