"""What stands at the rig's four ports: calibration bursts first, then the session's tapes and the client."""

from __future__ import annotations

from collections.abc import Mapping

from diag.core.chain import Tap
from diag.core.client_config import ClientConfig
from diag.record.audio.ports import EAR_RATE_HZ, MOUTH_RATE_HZ, Block, PortPlan
from diag.record.audio.tape import Mouth, Tape
from diag.record.client.voice_client import VoiceClient


class Portboard:
    """Callbacks for a rig; attributes are swapped between two callbacks, which Python does atomically.

    Parameters
    ----------
    config : ClientConfig
        Rates of microphone and player.
    client : VoiceClient
        The client under test.
    origin_s : float
        The take's start on the `time.perf_counter` clock.
    """

    def __init__(self, config: ClientConfig, client: VoiceClient, origin_s: float) -> None:
        self._client = client
        self._origin_s = origin_s
        self._in_session = False
        self._played = Tape(config.playback.sample_rate_hz)
        self._captured = Tape(config.capture.sample_rate_hz)
        self.mouth = Mouth(MOUTH_RATE_HZ)
        self.calibration_speaker = Mouth(config.playback.sample_rate_hz)
        self.ear = Tape(EAR_RATE_HZ, 2)
        self.plan = PortPlan(
            mouth=self._pull_mouth,
            microphone=self._push_microphone,
            speaker=self._pull_speaker,
            ear=self._push_ear,
            microphone_rate_hz=config.capture.sample_rate_hz,
            speaker_rate_hz=config.playback.sample_rate_hz,
        )

    def begin_session(self, ear_channels: int) -> None:
        """From now on the client is connected, and everything is recorded on fresh tapes."""
        self.ear = Tape(EAR_RATE_HZ, max(ear_channels, 1))
        self.mouth = Mouth(MOUTH_RATE_HZ)
        self._in_session = True

    @property
    def tapes(self) -> Mapping[Tap, Tape]:
        """The session's tapes of device taps; none before a session began."""
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
            return self.calibration_speaker.pull(frames, t_s, device_s)
        block = self._client.player.playout.pull(frames)
        self._played.write(block, t_s, device_s)
        return block

    def _push_microphone(self, block: Block, t_s: float, device_s: float | None) -> None:
        if self._in_session:
            self._captured.write(block, t_s, device_s)
            self._client.microphone(block, t_s - self._origin_s)

    def _push_ear(self, block: Block, t_s: float, device_s: float | None) -> None:
        self.ear.write(block, t_s, device_s)
