"""Takes that go wrong on the way: recorded on a wire whose ports or streams are taken away."""

from dataclasses import replace

import pytest

from diag.api.run_plan import prompt_jobs
from diag.core.chain import Tap
from diag.core.client_config import ClientConfig, SessionConfig
from diag.emulator.embedded import EmbeddedEmulator
from diag.files.run_folders import read_take
from diag.files.scenarios import Faults
from diag.files.turn_script import ScriptedStep
from diag.record import take_recorder as record
from diag.record.audio.rigs import open_farm
from diag.record.audio.wire import open_wire
from diag.record.live.genai import Endpoint
from diag.record.take_job import StepJob, TakeJob, turn_prompts


class Wire:
    """A wire without some of its ports, on which a device may vanish; closed, it knows of no failure."""

    def __init__(self, wire, *, without=(), vanishes=None):
        self._wire, self._without, self._vanishes = wire, without, vanishes
        self._closed = False

    def __getattr__(self, name):
        return getattr(self._wire, name)

    @property
    def rates_hz(self):
        return {port: rate for port, rate in self._wire.rates_hz.items() if port not in self._without}

    @property
    def failed(self):
        return None if self._closed else self._vanishes

    def close(self):
        self._closed = True
        self._wire.close()


@pytest.fixture(scope="module")
def emulator():
    with EmbeddedEmulator() as emulator:
        yield emulator


def recorded(emulator, monkeypatch, tmp_path, *, vanishes=None, without=()):
    def open_session(rig, plan, *, speaker_connected=True):
        plan = replace(plan, **dict.fromkeys(without))
        return Wire(open_wire(rig, plan, speaker_connected=speaker_connected), without=without, vanishes=vanishes)

    monkeypatch.setattr(record, "open_session", open_session)
    job = TakeJob(
        run_dir=tmp_path,
        take_id="0001",
        scenario="any",
        config=ClientConfig(session=SessionConfig(response_modalities=("AUDIO",))),
        faults=Faults(),
        endpoint=Endpoint(kind="emulator", base_url=emulator.register({"pace": 20.0}), ca_file=str(emulator.ca_file)),
        prompts=prompt_jobs(("yes",)),
        seed=1,
    )
    with open_farm("wire") as farm:
        return read_take(record.record_take(job, farm.rigs[0]))


def test_a_device_that_vanishes_is_told_in_the_take(emulator, monkeypatch, tmp_path):
    take = recorded(emulator, monkeypatch, tmp_path, vanishes="the microphone stopped")
    assert take.timeline.first("device_failed").data == {"detail": "the microphone stopped"}


def test_a_take_without_a_loudspeaker_has_an_end(emulator, monkeypatch, tmp_path):
    take = recorded(emulator, monkeypatch, tmp_path, without=("speaker",))
    assert take.timeline.first("turn_complete") is not None
    assert take.timeline.first("device_failed") is None


def test_a_barge_in_is_a_turn_of_its_own_and_the_old_reply_keeps_what_was_played(emulator, tmp_path):
    steps = (
        ScriptedStep(say="yes"),
        ScriptedStep(kind="back_channel", say="yes", at_s=0.3),
        ScriptedStep(kind="barge_in", say="yes", at_s=1.4),
    )
    (prompt,) = prompt_jobs(("yes",))
    script = tuple(StepJob(step=step, prompt=prompt) for step in steps)
    # The first sound does not interrupt, the second does: a back-channel is no turn, whatever the service does.
    settings = {"pace": 4.0, "faults": [{"kind": "slow_interrupt", "delay_s": 1.3, "turns": [1]}]}
    job = TakeJob(
        run_dir=tmp_path, take_id="0001", scenario="any", faults=Faults(), script=script,
        config=ClientConfig(session=SessionConfig(response_modalities=("AUDIO",))),
        endpoint=Endpoint(kind="emulator", base_url=emulator.register(settings), ca_file=str(emulator.ca_file)),
        prompts=turn_prompts(script), seed=1,
    )  # fmt: skip
    with open_farm("wire") as farm:
        take = read_take(record.record_take(job, farm.rigs[0]))
    first, second = take.turns
    assert (first.barge_in, second.barge_in) == (False, True)
    (back_channel,) = take.timeline.named("interjection")
    assert back_channel.data["kind"] == "back_channel"
    assert 0.0 < back_channel.data["end_s"] - back_channel.data["start_s"] < 1.0
    assert take.timeline.first("interrupted").data["turn"] == 0
    (_, played), (start, last) = first.reply_spans[Tap.PLAYED], first.reply_spans[Tap.RECEIVED]
    chunks = [event.data for event in take.timeline.named("chunk_received") if event.data["turn"] == 0]
    assert last - start < sum(chunk["frames"] for chunk in chunks)
    assert second.reply_spans[Tap.RECEIVED][0] >= last
    assert second.reply_spans[Tap.PLAYED][0] >= played
    assert second.speech_start_s > back_channel.data["end_s"]
