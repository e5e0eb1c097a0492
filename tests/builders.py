"""Synthetic takes for tests: a healthy one by default, and faults applied to taps, timing and events.

`build(Story())` is a whole healthy take as the recorder would have made it on a rig without devices: speech-like
signals on six taps, exact stamps, and every event of docs/takes.md. A `Story` is frozen; a fault is one
`replace(story, …)`. Nothing is drawn without a seed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import soxr

from diag.core.chain import Tap
from diag.core.client_config import ClientConfig
from diag.core.clip import Clip, clip_from_pcm16, pcm16_from_samples
from diag.core.take import Take, Turn
from diag.core.timeline import Event, Timeline
from diag.files.scenarios import scenario_from_mapping

__all__ = ["Story", "build", "client", "replace", "resampled", "speech"]

RIG_HZ = 48000
REPLY_HZ = 24000
BLOCK_S = 0.02
SESSION_START_S = 0.4
PROMPT_START_S = 1.0
AIR_S = 0.003
"""Between mouth and microphone, and between speaker and ear."""
ECHO_S = 0.02
"""Between speaker and microphone."""
EDGE_S = 0.15
"""Silence in the prompt's file before and after its speech."""
HEALTHY_SESSION = {"response_modalities": ["AUDIO"]}


def _same(samples: np.ndarray) -> np.ndarray:
    return samples


def client(**tables: dict[str, Any]) -> ClientConfig:
    """A client's configuration from TOML-like tables; audio is asked for unless `session` says otherwise."""
    tables = {"session": HEALTHY_SESSION, **tables}
    return scenario_from_mapping("x", tables, attempted="Could not build a test's client").client


@cache
def speech(seconds: float, seed: int, sample_rate_hz: int = RIG_HZ) -> np.ndarray:
    """Speech-like mono audio with energy up to 11 kHz: voiced syllables with moving formants, hissed consonants."""
    generator = np.random.default_rng(seed)
    frames = round(seconds * RIG_HZ)
    out = np.zeros(frames)
    place, f0 = 0, generator.uniform(100, 180)
    while place < frames:
        hiss = round(generator.uniform(0.05, 0.09) * RIG_HZ)
        vowel = round(generator.uniform(0.12, 0.25) * RIG_HZ)
        for part in (_hiss(hiss, generator), _vowel(vowel, f0 * generator.uniform(0.85, 1.2), generator)):
            end = min(place + len(part), frames)
            out[place:end] += part[: end - place]
            place = end
        if generator.random() < 0.15:
            place += round(0.06 * RIG_HZ)
    out *= 0.5 / np.abs(out).max()
    return resampled(out.astype(np.float32), RIG_HZ, sample_rate_hz)


def _vowel(frames: int, f0: float, generator: np.random.Generator) -> np.ndarray:
    t = np.arange(frames) / RIG_HZ
    pitch = np.cumsum(f0 * (1 + 0.05 * np.sin(2 * np.pi * 3 * t + generator.uniform(0, 6)))) / RIG_HZ
    formants = [generator.uniform(*span) for span in ((300, 800), (900, 2200), (2300, 3000), (3300, 4000))]
    out = np.zeros(frames)
    for k in range(1, int(11000 / f0)):
        gain = sum(1 / (1 + ((k * f0 - formant) / 120) ** 2) / (i + 1) for i, formant in enumerate(formants)) + 0.012
        out += gain / k**0.3 * np.sin(2 * np.pi * k * pitch + generator.uniform(0, 6))
    return out * np.hanning(frames) ** 0.5 * generator.uniform(0.5, 1)


def _hiss(frames: int, generator: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(generator.normal(0, 1, frames))
    frequency = np.fft.rfftfreq(frames, 1 / RIG_HZ)
    spectrum *= np.clip((frequency - 2000) / 2500, 0, 1) * np.clip((11500 - frequency) / 800, 0, 1)
    out = np.fft.irfft(spectrum, frames) * np.hanning(frames)
    return out * generator.uniform(0.4, 0.8) / max(np.abs(out).max(), 1e-9)


def resampled(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """At another rate, by a transparent resampler."""
    return samples if from_hz == to_hz else soxr.resample(samples, from_hz, to_hz, quality="VHQ").astype(np.float32)


@dataclass(frozen=True, eq=False)
class Story:
    """What happened in a take. The defaults are a healthy one.

    `capture`, `send`, `service`, `play` and `speak` change the samples on their hop; `chunk_s` and `pace` are the
    length of the service's chunks and how many seconds of audio come a second; `refused`, `closed` and
    `unreachable` are (code, reason), (code, reason) and (step, detail, proxies).
    """

    config: ClientConfig = field(default_factory=client)
    seed: int = 1
    take_id: str = "0001"
    prompt_name: str = "prompt_a"
    prompt_s: float = 1.5
    reply_s: float | None = 2.0
    text_reply: bool = False
    service_delay_s: float = 0.5
    leading_silence_s: float = 0.03
    chunk_s: float = 0.1
    pace: float = 3.0
    reply_mime: str = "audio/pcm;rate=24000"
    capture: Callable[[np.ndarray], np.ndarray] = _same
    send: Callable[[np.ndarray], np.ndarray] = _same
    service: Callable[[np.ndarray], np.ndarray] = _same
    play: Callable[[np.ndarray], np.ndarray] = _same
    speak: Callable[[np.ndarray], np.ndarray] = _same
    speaker_connected: bool = True
    mouth_confidence: float = 0.98
    speaker_confidence: float = 0.98
    ear_channels: int = 2
    refused: tuple[int, str] | None = None
    closed: tuple[int, str] | None = None
    unreachable: tuple[str, str, tuple[str, ...]] | None = None
    models: tuple[str, ...] | None = None
    audio: str = "wire"
    xruns: dict[str, int] = field(default_factory=dict)
    extra: tuple[Event, ...] = ()
    send_pace: float = 1.0
    """Seconds of audio sent per second of clock."""
    send_stops_s: float = 1e9
    """How long after the end of the speech the client goes on sending."""
    twice: tuple[int, ...] = ()
    """Chunks of the reply that come twice."""
    echo_gain: float = 0.0
    """How loud the reply is in the microphone."""
    echo_cancelled: bool = False
    """Whether the client removes the echo before it sends."""
    detector_shift_s: float = 0.0
    """How much later than the stamps say the reply comes out of the speaker."""


def build(story: Story) -> Take:
    """The take that a recorder would have saved."""
    scene = _Scene(story)
    scene.opening()
    if scene.connect():
        scene.prompt_side()
        scene.reply_side()
        scene.closing()
    return scene.take()


class _Scene:
    def __init__(self, story: Story) -> None:
        self.story = story
        self.events: list[Event] = [*story.extra]
        self.clips: dict[Tap, Clip] = {}
        self.turns: tuple[Turn, ...] = ()
        reply_s = story.reply_s or 0.0
        spoken_s = PROMPT_START_S + story.prompt_s
        slow = REPLY_HZ / story.config.playback.sample_rate_hz if not story.config.playback.resample else 1.0
        answered = bool(reply_s) and not story.text_reply
        wait_s = story.service_delay_s + max(reply_s / story.pace, reply_s * slow) if answered else 2.0
        self.end_s = spoken_s + wait_s + 1.2
        self.first_chunk_s: float | None = None

    def event(self, t_s: float, name: str, source: str, /, **data: Any) -> None:
        self.events.append(Event(t_s=t_s, name=name, source=source, data=data))

    def opening(self) -> None:
        story = self.story
        ports = ("mouth", "microphone", "speaker", "ear")
        self.event(0.0, "take_started", "harness", perf_counter_s=1000.0)
        self.event(
            0.05, "streams_opened", "audio", devices=dict.fromkeys(ports, story.audio),
            rates_hz={
                "mouth": RIG_HZ, "ear": RIG_HZ, "microphone": story.config.capture.sample_rate_hz,
                "speaker": story.config.playback.sample_rate_hz,
            },
            latency_s=dict.fromkeys(ports, BLOCK_S), ear_channels=story.ear_channels,
        )  # fmt: skip
        heard = {"mouth": True, "speaker": story.speaker_connected}
        sure = {"mouth": story.mouth_confidence, "speaker": story.speaker_confidence}
        for port in ("mouth", "speaker"):
            confidence = sure[port] if heard[port] else 0.02
            self.event(
                0.2, "calibrated", "audio", port=port, delay_s=AIR_S if confidence > 0.5 else None,
                confidence=confidence, signal_dbfs=-20.0 if heard[port] else -120.0,
            )  # fmt: skip

    def connect(self) -> bool:
        story, session = self.story, self.story.config.session
        self.event(0.25, "session_connecting", "client", endpoint="emulator", model=session.model,
                   api_version=session.api_version)  # fmt: skip
        setup: dict[str, Any] = {"model": session.model}
        if session.response_modalities is not None:
            setup["response_modalities"] = list(session.response_modalities)
        setup.update(session.extra)
        self.event(0.25, "setup_sent", "client", setup=setup)
        if story.unreachable:
            step, detail, proxy = story.unreachable
            self.event(0.3, "unreachable", "client", step=step, detail=detail, proxy=list(proxy))
        elif story.refused:
            code, reason = story.refused
            self.event(0.3, "session_refused", "client", code=code, reason=reason)
            models = {"error": "no list"} if story.models is None else {"models": list(story.models)}
            self.event(0.35, "model_list", "client", **models)
        else:
            self.event(0.3, "session_open", "client", session_id="s", connect_s=0.05)
            return True
        return False

    def prompt_side(self) -> None:
        story, send = self.story, self.story.config.send
        capture_hz = story.config.capture.sample_rate_hz
        spoken = np.zeros(round((self.end_s - SESSION_START_S) * RIG_HZ), np.float32)
        edge = round(EDGE_S * RIG_HZ)
        words = speech(story.prompt_s - 2 * EDGE_S, 1000 + story.seed)
        first = round((PROMPT_START_S - SESSION_START_S) * RIG_HZ)
        spoken[first + edge : first + edge + len(words)] = words
        last = first + round(story.prompt_s * RIG_HZ)
        self.clips[Tap.PROMPT] = Clip(samples=spoken, sample_rate_hz=RIG_HZ, start_s=SESSION_START_S)
        self.event(PROMPT_START_S, "prompt_started", "harness", turn=0, prompt=story.prompt_name, frame=first)
        self.event(PROMPT_START_S + story.prompt_s, "prompt_ended", "harness", turn=0, frame=last)

        captured = story.capture(resampled(_delayed(spoken, AIR_S, RIG_HZ), RIG_HZ, capture_hz))
        self.clips[Tap.CAPTURED] = Clip(samples=captured, sample_rate_hz=capture_hz, start_s=SESSION_START_S)
        content_hz = send.sample_rate_hz if send.resample else capture_hz
        sent = pcm16_from_samples(story.send(resampled(captured, capture_hz, content_hz)))
        believed_hz = send.declared_rate_hz or content_hz
        self.sent_hz, self.content_hz = believed_hz, content_hz
        self.speech_end_s = PROMPT_START_S + story.prompt_s - EDGE_S
        batches = self._batches(len(sent) // 2, capture_hz)
        start_s = batches[0][0]
        self.clips[Tap.SENT] = clip_from_pcm16(sent, believed_hz, start_s=start_s)
        margin = (PROMPT_START_S - 0.2, PROMPT_START_S + story.prompt_s + 0.5)
        in_margin = [round((t_s - SESSION_START_S) * content_hz) for t_s in margin]
        self.prompt_spans = {
            Tap.PROMPT: (first, last),
            Tap.CAPTURED: tuple(round((t_s - SESSION_START_S) * capture_hz) for t_s in margin),
            Tap.SENT: (in_margin[0], min(in_margin[1], len(sent) // 2)),
            Tap.HEARD: tuple(round((t_s - SESSION_START_S) * RIG_HZ) for t_s in margin),
        }
        self._stamps(Tap.PROMPT, "mouth", RIG_HZ, len(spoken), SESSION_START_S, output=True)
        self._stamps(Tap.CAPTURED, "microphone", capture_hz, len(captured), SESSION_START_S, output=False)

    def _batches(self, total: int, capture_hz: int) -> list[tuple[float, int]]:
        """When each batch left; a batch is counted at the rate that the client believes it sends."""
        send = self.story.config.send
        size = max(1, round(send.batch_ms / 1000 * self.sent_hz))
        mime = f"audio/pcm;rate={send.declared_rate_hz}" if send.declared_rate_hz else "audio/pcm"
        batches = []
        for start in range(0, total - size + 1, size):
            full_s = (start + size) / self.content_hz
            block = np.ceil(full_s / BLOCK_S - 1e-9) * BLOCK_S
            captured_s = SESSION_START_S + block + 0.001
            sent_s = SESSION_START_S + (captured_s + 0.001 - SESSION_START_S) / self.story.send_pace
            if sent_s > self.speech_end_s + self.story.send_stops_s:
                break
            batches.append((sent_s, start))
            self.event(
                sent_s, "batch_sent", "client", turn=0, start_frame=start, frames=size,
                captured_end_frame=round(block * capture_hz), captured_s=captured_s, mime_type=mime,
            )  # fmt: skip
        return batches

    def reply_side(self) -> None:
        story, playback = self.story, self.story.config.playback
        total = round((self.end_s - SESSION_START_S) * playback.sample_rate_hz)
        played = np.zeros(total, np.float32)
        self.reply_spans: dict[Tap, tuple[int, int]] = {}
        answer_s = self.speech_end_s + story.service_delay_s
        if story.reply_s and story.text_reply:
            self.event(answer_s, "text_received", "service", turn=0, characters=40, thought=False)
            self.event(answer_s + 0.1, "turn_complete", "service", turn=0)
        elif story.reply_s:
            self._reply(played, answer_s)
        else:
            over_s = self.end_s - 1.0
            if story.closed:
                code, reason = story.closed
                self.event(over_s, "session_closed", "client", code=code, reason=reason, by="service")
            else:
                self.event(over_s, "reply_wait_over", "harness", turn=0, waited_s=over_s - self.speech_end_s)
        self.clips[Tap.PLAYED] = Clip(samples=played, sample_rate_hz=playback.sample_rate_hz, start_s=SESSION_START_S)
        self._stamps(Tap.PLAYED, "speaker", playback.sample_rate_hz, total, SESSION_START_S, output=True)
        if story.echo_gain:
            self._add_echo(played)
        late_s = AIR_S + story.detector_shift_s
        out = _delayed(story.speak(resampled(played, playback.sample_rate_hz, RIG_HZ)), late_s, RIG_HZ)
        prompt = _delayed(self.clips[Tap.PROMPT].samples, AIR_S, RIG_HZ)
        sides = np.zeros((len(prompt), 2), np.float32)
        sides[:, 0] = prompt
        if story.speaker_connected:
            count = min(len(out), len(prompt))
            sides[:count, 1] = out[:count]
        heard = sides if story.ear_channels == 2 else sides.sum(axis=1)
        self.clips[Tap.HEARD] = Clip(samples=heard, sample_rate_hz=RIG_HZ, start_s=SESSION_START_S)
        self._stamps(Tap.HEARD, "ear", RIG_HZ, len(heard), SESSION_START_S, output=False)

    def _add_echo(self, played: np.ndarray) -> None:
        for tap in (Tap.CAPTURED,) if self.story.echo_cancelled else (Tap.CAPTURED, Tap.SENT):
            clip = self.clips[tap]
            echo = resampled(played, self.story.config.playback.sample_rate_hz, clip.sample_rate_hz)
            echo = _delayed(echo, ECHO_S, clip.sample_rate_hz)
            count = min(len(echo), clip.frames)
            samples = clip.samples[:count] + np.float32(self.story.echo_gain) * echo[:count]
            self.clips[tap] = Clip(samples=samples, sample_rate_hz=clip.sample_rate_hz, start_s=clip.start_s)

    def _reply(self, played: np.ndarray, answer_s: float) -> None:
        story, playback = self.story, self.story.config.playback
        assert story.reply_s is not None
        voice = speech(story.reply_s, 2000 + story.seed, REPLY_HZ)
        quiet = np.zeros(round(story.leading_silence_s * REPLY_HZ), np.float32)
        received = story.service(np.concatenate([quiet, voice, np.zeros(round(0.1 * REPLY_HZ), np.float32)]))
        pcm = pcm16_from_samples(received)
        step = 2 * round(story.chunk_s * REPLY_HZ)
        for number in reversed(story.twice):
            pcm = pcm[: (number + 1) * step] + pcm[number * step : (number + 1) * step] + pcm[(number + 1) * step :]
        self.first_chunk_s = answer_s
        rate_hz = int(story.reply_mime.partition("rate=")[2] or REPLY_HZ)
        self.clips[Tap.RECEIVED] = clip_from_pcm16(pcm, rate_hz, start_s=answer_s)
        frames, size = len(pcm) // 2, round(story.chunk_s * REPLY_HZ)
        for number, start in enumerate(range(0, frames, size)):
            count = min(size, frames - start)
            self.event(
                answer_s + number * story.chunk_s / story.pace, "chunk_received", "service", turn=0, start_frame=start,
                frames=count, bytes=count * 2, mime_type=story.reply_mime,
            )  # fmt: skip
            last_s = answer_s + number * story.chunk_s / story.pace
        if story.closed:
            code, reason = story.closed
            self.event(last_s + 0.01, "session_closed", "client", code=code, reason=reason, by="service")
        else:
            self.event(last_s + 0.01, "generation_complete", "service", turn=0)
            self.event(last_s + 0.02, "turn_complete", "service", turn=0)
        samples = self.clips[Tap.RECEIVED].samples
        if playback.resample:
            samples = resampled(samples, rate_hz, playback.sample_rate_hz)
        samples = story.play(samples)
        start_s = answer_s + playback.prebuffer_ms / 1000
        block = np.ceil((start_s - SESSION_START_S) / BLOCK_S) * BLOCK_S
        first = round(block * playback.sample_rate_hz)
        count = min(len(samples), len(played) - first)
        played[first : first + count] = samples[:count]
        start_s = SESSION_START_S + block - BLOCK_S
        self.event(start_s, "playout_started", "client", turn=0, frame=first)
        end_s = start_s + count / playback.sample_rate_hz
        self.event(end_s, "playout_ended", "client", turn=0, frame=first + count)
        margin = round(0.2 * playback.sample_rate_hz)
        span_s = (SESSION_START_S + block - 0.2, SESSION_START_S + block + count / playback.sample_rate_hz + 0.5)
        self.reply_spans = {
            Tap.RECEIVED: (0, frames),
            Tap.PLAYED: (first - margin, min(first + count + margin, len(played))),
            Tap.HEARD: tuple(round((t_s - SESSION_START_S) * RIG_HZ) for t_s in span_s),
        }

    def _stamps(self, tap: Tap, port: str, rate_hz: int, frames: int, start_s: float, *, output: bool) -> None:
        """A block is asked for one block before it leaves; an input block comes when its last frame is in."""
        first = np.arange(0, frames, round(BLOCK_S * rate_hz))
        device_s = start_s + first / rate_hz
        t_s = device_s - BLOCK_S if output else device_s + BLOCK_S + 0.001
        self.event(self.end_s + 0.1, "stamps", "audio", port=port, tap=tap.value, frame=first.tolist(),
                   t_s=t_s.tolist(), device_s=device_s.tolist())  # fmt: skip

    def closing(self) -> None:
        story = self.story
        if not story.closed:
            self.event(self.end_s, "session_closed", "client", code=1000, reason="", by="client")
        for port in ("mouth", "microphone", "speaker", "ear"):
            self.event(self.end_s + 0.1, "xruns", "audio", port=port, count=story.xruns.get(port, 0))
        file_s = PROMPT_START_S
        self.turns = (
            Turn(
                index=0, prompt_name=story.prompt_name, start_s=PROMPT_START_S - 0.02, end_s=self.end_s - 0.3,
                speech_start_s=file_s + EDGE_S, speech_end_s=self.speech_end_s, prompt_spans=self.prompt_spans,
                reply_spans=self.reply_spans,
            ),
        )  # fmt: skip

    def take(self) -> Take:
        story = self.story
        return Take(
            id=story.take_id, scenario="built", config=story.config,
            environment={"audio": story.audio, "endpoint": "emulator", "tool_version": "0"}, seed=story.seed,
            clips=self.clips, timeline=Timeline(tuple(self.events)), turns=self.turns,
        )  # fmt: skip


def _delayed(samples: np.ndarray, delay_s: float, rate_hz: int) -> np.ndarray:
    frames = round(delay_s * rate_hz)
    return np.concatenate([np.zeros(frames, np.float32), samples])[: len(samples)]
