"""Synthetic conversations of several turns, as the recorder would have made them on a rig without devices.

`build_talk(Talk(...))` returns a take with the taps `prompt`, `received`, `played` and `heard`, and with all events of
turn-taking. Every moment is known, so measures and rules can be compared with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from builders import AIR_S, REPLY_HZ, RIG_HZ, client, resampled, speech

from diag.core.chain import Tap
from diag.core.client_config import ClientConfig
from diag.core.clip import Clip
from diag.core.take import Take, Turn
from diag.core.timeline import Event, Timeline

START_S = 0.5
SOUNDS_S = (0.6, 1.2, 2.4)
"""Lengths of prompts; few, so that their sounds are only made once."""
CHUNK_S = 0.2
LEAD_S = 0.06


@dataclass(frozen=True)
class Step:
    """One thing the user does: `kind` as in a configuration, and when.

    `at_s` counts from the beginning of the reply; None for a prompt after the reply. With `interrupts`, the service
    interrupts its reply when it hears the sound.
    """

    kind: str = "prompt"
    length_s: float = 1.2
    at_s: float | None = None
    interrupts: bool = False


@dataclass(frozen=True)
class Talk:
    """A conversation: what the user does, and how service and client behave."""

    steps: tuple[Step, ...] = (Step(), Step("barge_in", 1.2, at_s=1.0, interrupts=True), Step())
    seed: int = 1
    reply_s: float = 3.6
    detect_s: float = 0.15
    flush_s: float = 0.03
    end_of_turn_s: float = 0.5
    reports_activity: bool = False
    think_s: float = 0.3
    grows_s: float = 0.0
    first_extra_s: float = 0.0
    pace: float = 1.5
    own_interruption_s: float | None = None
    """The service interrupts its first reply this long after its beginning, for no reason."""
    early_s: float = 0.0
    """How long before the end of the first prompt a reply to its first half begins."""
    config: ClientConfig = field(default_factory=client)
    setup: dict[str, Any] = field(default_factory=dict)
    ear_channels: int = 2


@dataclass
class _Reply:
    turn: int
    start_s: float
    frames: int
    first_frame: int
    stop_s: float = 0.0
    """When the last sample left the device."""


def build_talk(talk: Talk) -> Take:
    """Return the take of a conversation."""
    return _Scene(talk).take()


class _Scene:
    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.events: list[Event] = []
        self.spoken: list[tuple[float, np.ndarray]] = []
        self.voices: list[np.ndarray] = []
        self.replies: list[_Reply] = []
        self.turns: list[dict[str, Any]] = []
        self.interrupts: dict[int, float] = {}
        self._received = 0

    def event(self, t_s: float, name: str, /, **data: Any) -> None:
        self.events.append(Event(t_s=t_s, name=name, source="service", data=data))

    def take(self) -> Take:
        talk = self.talk
        self.event(0.0, "streams_opened", ear_channels=talk.ear_channels)
        for port in ("mouth", "speaker"):
            self.event(0.1, "calibrated", port=port, delay_s=AIR_S, confidence=0.98, signal_dbfs=-20.0)
        self.event(0.2, "setup_sent", setup={"model": "m", **talk.setup})
        self.event(0.3, "session_open", session_id="s", connect_s=0.1)
        now_s = START_S
        pending: list[Step] = []
        for number, step in enumerate(talk.steps):
            if step.kind == "prompt":
                now_s = self._finish(pending, now_s) + 0.4
                pending = []
                now_s = self._turn(step, now_s, number)
            else:
                pending.append(step)
                if step.kind == "barge_in":
                    now_s = self._finish(pending, now_s)
                    pending = []
        end_s = self._finish(pending, now_s) + 1.0
        return self._recorded(end_s)

    def _turn(self, step: Step, start_s: float, number: int, *, barge_in: bool = False) -> float:
        """Speak a prompt, and let the reply begin; return when it begins to be played."""
        talk, index = self.talk, len(self.turns)
        end_s = start_s + step.length_s
        self.spoken.append((start_s, speech(step.length_s, 1000 + (talk.seed + number) % 5)))
        self.turns.append({"index": index, "start_s": start_s - 0.15, "speech": (start_s, end_s), "barge_in": barge_in})
        if talk.reports_activity:
            self.event(end_s + talk.end_of_turn_s, "voice_activity", turn=index, type="ACTIVITY_END")
        if index == 0 and talk.early_s:
            self._early(end_s - talk.early_s)
        wait_s = talk.end_of_turn_s + talk.think_s + talk.grows_s * index + (talk.first_extra_s if index == 0 else 0.0)
        return self._reply(index, end_s + wait_s)

    def _early(self, at_s: float) -> None:
        begins_s = self._reply(0, at_s)
        self._stop(self.replies[-1], begins_s + 0.1)
        self.event(begins_s + 0.1, "interrupted", turn=0)
        self.event(begins_s + 0.1, "turn_complete", turn=0)

    def _reply(self, turn: int, first_chunk_s: float) -> float:
        talk = self.talk
        frames = round(talk.reply_s * REPLY_HZ)
        voice = speech(talk.reply_s, 2000 + (talk.seed + turn) % 5, REPLY_HZ)
        self.voices.append(voice[:frames])
        size = round(CHUNK_S * REPLY_HZ)
        reply = _Reply(turn, first_chunk_s + LEAD_S, frames, self._received)
        for place in range(0, frames, size):
            self.event(
                first_chunk_s + place / REPLY_HZ / talk.pace, "chunk_received", turn=turn,
                start_frame=self._received + place, frames=min(size, frames - place), bytes=0, mime_type="",
            )  # fmt: skip
        self._received += frames
        reply.stop_s = reply.start_s + talk.reply_s
        self.replies.append(reply)
        return reply.start_s

    def _stop(self, reply: _Reply, at_s: float) -> None:
        """Interrupt a reply: nothing arrives after `at_s`, and nothing is played a little later."""
        self.interrupts[reply.turn] = at_s
        self.events = [
            event
            for event in self.events
            if event.name != "chunk_received" or event.data["turn"] != reply.turn or event.t_s <= at_s
            or event.data["start_frame"] < reply.first_frame
        ]  # fmt: skip
        reply.stop_s = min(reply.stop_s, at_s + self.talk.flush_s)

    def _finish(self, during: Iterable[Step], begins_s: float) -> float:
        """Let the current reply go on with what the user does meanwhile; return when the next thing may happen."""
        talk = self.talk
        if not self.replies:
            return START_S
        reply = self.replies[-1]
        if talk.own_interruption_s is not None and reply.turn == 0:
            at_s = reply.start_s + talk.own_interruption_s
            self.event(at_s, "interrupted", turn=0)
            self.event(at_s, "turn_complete", turn=0)
            self._stop(reply, at_s)
            return reply.stop_s
        barge_in = None
        for step in during:
            at_s = begins_s + (step.at_s or 0.0)
            if step.interrupts:
                told_s = at_s + talk.detect_s
                if told_s < reply.stop_s:
                    self.event(told_s, "interrupted", turn=reply.turn)
                    self.event(told_s, "turn_complete", turn=reply.turn)
                    self._stop(reply, told_s)
            if step.kind == "barge_in":
                barge_in = (step, at_s)
                break
            self.spoken.append((at_s, speech(step.length_s, 3000 + talk.seed % 5)))
            data = {"turn": reply.turn, "kind": step.kind, "name": "", "start_s": at_s, "end_s": at_s + step.length_s}
            self.event(at_s, "interjection", **data)
        if reply.turn not in self.interrupts:
            self.event(reply.stop_s - 0.05, "generation_complete", turn=reply.turn)
            self.event(reply.stop_s, "turn_complete", turn=reply.turn)
        if barge_in is None:
            return max(reply.stop_s, *(at for at, _ in self.spoken))
        step, at_s = barge_in
        old_stop_s = reply.stop_s
        begins_s = self._turn(step, at_s, len(self.turns), barge_in=True)
        if begins_s < old_stop_s:
            # The player plays the new reply after the old one.
            shift_s = old_stop_s - begins_s
            self.replies[-1].start_s += shift_s
            self.replies[-1].stop_s += shift_s
            begins_s = old_stop_s
        return begins_s

    def _recorded(self, end_s: float) -> Take:
        talk = self.talk
        mouth = np.zeros(round(end_s * RIG_HZ) + RIG_HZ, np.float32)
        for start_s, sound in self.spoken:
            first = round(start_s * RIG_HZ)
            mouth[first : first + len(sound)] += sound[: len(mouth) - first]
        played = np.zeros(round(len(mouth) / RIG_HZ * REPLY_HZ), np.float32)
        for reply, voice in zip(self.replies, self.voices, strict=True):
            first, last = round(reply.start_s * REPLY_HZ), round(reply.stop_s * REPLY_HZ)
            count = max(min(last - first, len(voice)), 0)
            played[first : first + count] = voice[:count]
            self.event(reply.start_s, "playout_started", turn=reply.turn, frame=first)
            self.event(reply.stop_s, "playout_ended", turn=reply.turn, frame=first + count)
        sides = np.zeros((len(mouth), 2), np.float32)
        late = round(AIR_S * RIG_HZ)
        sides[late:, 0] = mouth[: len(mouth) - late]
        out = resampled(played, REPLY_HZ, RIG_HZ)
        count = min(len(out), len(sides)) - late
        sides[late : late + count, 1] = out[:count]
        heard = sides if talk.ear_channels == 2 else sides.sum(axis=1)
        for tap, rate_hz, frames in ((Tap.PLAYED, REPLY_HZ, len(played)), (Tap.PROMPT, RIG_HZ, len(mouth))):
            first = np.arange(0, frames, round(0.02 * rate_hz))
            at_s = (first / rate_hz).tolist()
            self.event(end_s, "stamps", port="", tap=tap.value, frame=first.tolist(), t_s=at_s, device_s=at_s)
        received = np.concatenate(self.voices)
        clips = {
            Tap.PROMPT: Clip(samples=mouth, sample_rate_hz=RIG_HZ, start_s=0.0),
            Tap.RECEIVED: Clip(samples=received, sample_rate_hz=REPLY_HZ, start_s=START_S),
            Tap.PLAYED: Clip(samples=played, sample_rate_hz=REPLY_HZ, start_s=0.0),
            Tap.HEARD: Clip(samples=heard, sample_rate_hz=RIG_HZ, start_s=0.0),
        }
        return Take(
            id="0001", scenario="talk", config=talk.config, environment={"audio": "wire"}, seed=talk.seed, clips=clips,
            timeline=Timeline(tuple(self.events)), turns=tuple(self._as_turn(facts, end_s) for facts in self.turns),
        )  # fmt: skip

    def _as_turn(self, facts: dict[str, Any], end_s: float) -> Turn:
        index, (start_s, stop_s) = facts["index"], facts["speech"]
        own = [reply for reply in self.replies if reply.turn == index]
        reply = own[-1]
        kept = min(round((reply.stop_s - reply.start_s) * REPLY_HZ), reply.frames)
        return Turn(
            index=index, prompt_name="p", start_s=facts["start_s"], end_s=end_s, speech_start_s=start_s,
            speech_end_s=stop_s, barge_in=facts["barge_in"],
            prompt_spans={
                Tap.PROMPT: (round((start_s - 0.15) * RIG_HZ), round((stop_s + 0.15) * RIG_HZ)),
                Tap.HEARD: (round((start_s - 0.2) * RIG_HZ), round((stop_s + 0.5) * RIG_HZ)),
            },
            reply_spans={
                Tap.RECEIVED: (reply.first_frame, reply.first_frame + kept),
                Tap.PLAYED: (round((reply.start_s - 0.2) * REPLY_HZ), round(reply.stop_s * REPLY_HZ)),
                Tap.HEARD: (round((reply.start_s - 0.2) * RIG_HZ), round((reply.stop_s + 0.1) * RIG_HZ)),
            },
        )  # fmt: skip
