"""Ports with tapes on them, for tests of audio backends."""

import time

from diag.record.audio.ports import PortPlan
from diag.record.audio.rigs import open_session
from diag.record.audio.tape import Mouth, Tape


class Bench:
    """One rig's worth of ports; say something, run, look at the tapes."""

    def __init__(self, *, microphone_hz=16000, speaker_hz=24000, ear_channels=2):
        self.mouth = Mouth(48000)
        self.speaker = Mouth(speaker_hz)
        self.microphone = Tape(microphone_hz)
        self.ear = Tape(48000, channels=ear_channels)
        self.plan = PortPlan(
            mouth=self.mouth.pull,
            microphone=self.microphone.write,
            speaker=self.speaker.pull,
            ear=self.ear.write,
            microphone_rate_hz=microphone_hz,
            speaker_rate_hz=speaker_hz,
        )

    def run(self, rig, seconds, **options):
        session = open_session(rig, self.plan, **options)
        end_s = time.perf_counter() + seconds
        while time.perf_counter() < end_s and session.failed is None:
            time.sleep(0.02)
        session.close()
        return session
