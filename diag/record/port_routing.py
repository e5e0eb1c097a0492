"""Callbacks of the rig's four ports: they serve the calibration first, then the session's tapes and the client."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from diag.core.chain import Tap
from diag.core.client_config import ClientConfig
from diag.core.clip import Samples
from diag.files.scenarios import Faults
from diag.record.audio.ports import EAR_RATE_HZ, MOUTH_RATE_HZ, Block, PortPlan
from diag.record.audio.tape import Mouth, Tape
from diag.record.client.impairments import planted_chain
from diag.record.client.resampler import Resampler
from diag.record.client.voice_client import VoiceClient


class Portboard:
    """Callbacks for the ports of a rig.

    The audio threads read its attributes. `begin_session` replaces them one by one, and each assignment is atomic in
    Python, so no lock is needed.

    Parameters
    ----------
    config : ClientConfig
        Gives the sample rates of microphone and player.
    client : VoiceClient
        The client under test.
    origin_s : float
        Start of the take on the `time.perf_counter` clock.
    faults : Faults
        Faults to plant on the microphone's and the speaker's port, as if the devices behind them had them.
    """

    def __init__(self, config: ClientConfig, client: VoiceClient, origin_s: float, faults: Faults) -> None:
        self._client = client
        self._origin_s = origin_s
        self._in_session = False
        self._played = Tape(config.playback.sample_rate_hz)
        self._captured = Tape(config.capture.sample_rate_hz)
        self.mouth = Mouth(MOUTH_RATE_HZ)
        self.calibration_speaker = Mouth(config.playback.sample_rate_hz)
        self.calibration_microphone = Tape(config.capture.sample_rate_hz)
        self.ear = Tape(EAR_RATE_HZ, 2)
        self._impaired_microphone = planted_chain(faults.on("microphone"), config.capture.sample_rate_hz)
        self._leaks = tuple(
            _Leak(
                round((fault.delay_s or 0.0) * config.playback.sample_rate_hz),
                10 ** ((fault.gain_db or 0.0) / 20),
                Resampler(config.playback.sample_rate_hz, config.capture.sample_rate_hz),
            )
            for fault in faults.on("microphone")
            if fault.kind == "leak"
        )
        self._impaired_speaker = SpeakerPort(faults, config.playback.sample_rate_hz)
        self.plan = PortPlan(
            mouth=self._pull_mouth,
            microphone=self._push_microphone,
            speaker=self._pull_speaker,
            ear=self._push_ear,
            microphone_rate_hz=config.capture.sample_rate_hz,
            speaker_rate_hz=config.playback.sample_rate_hz,
        )

    def begin_session(self, ear_channels: int) -> None:
        """Connect the client to the ports and record everything on new tapes from now on.

        Parameters
        ----------
        ear_channels : int
            Channels of the ear's stream; 0 without an ear.
        """
        self.ear = Tape(EAR_RATE_HZ, max(ear_channels, 1))
        self.mouth = Mouth(MOUTH_RATE_HZ)
        self._in_session = True

    @property
    def tapes(self) -> Mapping[Tap, Tape]:
        """Return the session's tapes by device tap; empty before `begin_session`."""
        if not self._in_session:
            return {}
        return {
            Tap.PROMPT: self.mouth.tape,
            Tap.CAPTURED: self._captured,
            Tap.PLAYED: self._played,
            Tap.HEARD: self.ear,
        }

    def _pull_mouth(self, frames: int, t_s: float, device_s: float | None) -> Block:
        return self.mouth.pull(frames, t_s, device_s)

    def _pull_speaker(self, frames: int, t_s: float, device_s: float | None) -> Block:
        if not self._in_session:
            return self._impaired_speaker.hold_back(self.calibration_speaker.pull(frames, t_s, device_s))
        block = self._client.player.playout.pull(frames)
        self._played.write(block, t_s, device_s)
        for leak in self._leaks:
            leak.played(block)
        return self._impaired_speaker.impair(block)

    def _push_microphone(self, block: Block, t_s: float, device_s: float | None) -> None:
        if self._in_session:
            block = self._impaired(block)
            self._captured.write(block, t_s, device_s)
            self._client.microphone(block, t_s - self._origin_s)
        else:
            self.calibration_microphone.write(block, t_s, device_s)

    def _impaired(self, block: Block) -> Block:
        if self._leaks:
            block = block.copy()
            for leak in self._leaks:
                block[:, 0] += leak.captured(len(block))
        if not self._impaired_microphone:
            return block
        return self._impaired_microphone.push(block[:, 0])[:, np.newaxis]

    def _push_ear(self, block: Block, t_s: float, device_s: float | None) -> None:
        self.ear.write(block, t_s, device_s)


SLACK_S = 0.1
"""Audio held back on the speaker's port if a planted fault shortens the sound. It must not be longer, or calibration
would not find the burst."""
_SHORTENING = ("skip", "overlap", "rate", "stretch")


class SpeakerPort:
    """Faults planted on the speaker's port; every block keeps its number of samples.

    If a fault shortens the sound, `SLACK_S` of audio is held back from the calibration on. It fills the blocks that the
    fault makes shorter, as the buffer of a real device does when the device skips audio and plays on without a pause.
    """

    def __init__(self, faults: Faults, sample_rate_hz: int) -> None:
        planted = faults.on("speaker")
        self._chain = planted_chain(planted, sample_rate_hz)
        slack_s = SLACK_S if any(fault.kind in _SHORTENING for fault in planted) else 0.0
        self._waiting: Samples = np.zeros(round(slack_s * sample_rate_hz), dtype=np.float32)

    def hold_back(self, block: Samples) -> Samples:
        """Return a block delayed by the audio that is held back, without faults (during calibration)."""
        if not len(self._waiting):
            return block
        return self._exchange(block, len(block))

    def impair(self, block: Samples) -> Samples:
        """Return a block with the planted faults, as long as the one given."""
        if not self._chain:
            return block
        return self._exchange(self._chain.push(block), len(block))

    def _exchange(self, samples: Samples, frames: int) -> Samples:
        joined = np.concatenate((self._waiting, samples))
        out, self._waiting = joined[:frames], joined[frames:]
        return out if len(out) == frames else np.concatenate((out, np.zeros(frames - len(out), dtype=np.float32)))


class _Leak:
    """Path of the played audio back into the microphone, as from a loudspeaker in the same room."""

    def __init__(self, frames: int, gain: float, resampler: Resampler) -> None:
        self._resampler = resampler
        self._gain = np.float32(gain)
        self._waiting: Samples = resampler.push(np.zeros(frames, dtype=np.float32))

    def played(self, block: Samples) -> None:
        """Take a block that the speaker plays."""
        self._waiting = np.concatenate((self._waiting, self._resampler.push(self._gain * block)))

    def captured(self, frames: int) -> Samples:
        """Return the leaked samples that arrive at the microphone, shape (frames,)."""
        out, self._waiting = self._waiting[:frames], self._waiting[frames:]
        return np.concatenate((out, np.zeros(frames - len(out), dtype=np.float32)))
