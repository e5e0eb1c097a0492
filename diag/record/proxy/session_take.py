"""Takes of sessions that were only watched on the wire: their clips, turns and environment."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from diag.core.chain import Tap
from diag.core.client_config import ClientConfig, SessionConfig
from diag.core.clip import Clip
from diag.core.observed_client import observed_client
from diag.core.take import Take, Turn
from diag.core.timeline import Event, EventName, Timeline
from diag.dsp.speech import first_speech_frame, speech_span
from diag.record.proxy.session_recorder import Request, SessionRecorder, WireAudio
from diag.record.take_assembly import NetworkAudio, network_clips, reply_chunks
from diag.record.take_log import TakeLog

SPOKEN = "what was said"
"""Name of the prompt of a turn that was not spoken by diag."""
GIVEN_UP_S = 10.0
"""A turn that the client leaves without a reply this long after the speech counts as unanswered; a shorter wait shows
nothing. Live sessions with an answer took at most 15 s, and 2.6 s usually (docs/decisions.md)."""
MARGIN_S = 0.5
"""Kept of `sent` before and after the speech of a turn."""
_CONTENT = (EventName.CHUNK_RECEIVED, EventName.TEXT_RECEIVED)


@dataclass(frozen=True, kw_only=True)
class TurnLine:
    """What one turn showed, for the line that is printed while the proxy runs.

    Parameters
    ----------
    session, turn : int
        Numbers from 1.
    first_audio_s : float or None
        From the end of the speech in `sent` to the first chunk of audio; None if either is not known.
    audio_s : float
        Seconds of audio received.
    interrupted : bool
    """

    session: int
    turn: int
    first_audio_s: float | None
    audio_s: float
    interrupted: bool


class SessionWatcher:
    """Watcher of one session (`recording_proxy.Watcher`): collects its events and audio, and builds the take.

    Parameters
    ----------
    number : int
        Number of the session, from 1; it becomes the take's id.
    request : Request
    on_event : callable
        Called after each event with the watcher and the event's name.
    on_gone : callable
        Called once, when the connection is over.
    """

    def __init__(
        self,
        number: int,
        request: Request,
        *,
        on_event: Callable[[SessionWatcher, str], None],
        on_gone: Callable[[SessionWatcher], None],
    ) -> None:
        self.number = number
        self.log = TakeLog()
        self.log.turn = 0
        self._on_event = on_event
        self._on_gone = on_gone
        self._request = request
        self._audio = WireAudio()
        self.recorder = SessionRecorder(request, self._emit, lambda t_s: t_s - self.log.origin_s, self._audio)
        self.from_client = self.recorder.from_client
        self.from_service = self.recorder.from_service
        self.closed = self.recorder.closed
        self.refused = self.recorder.refused
        self.unreachable = self.recorder.unreachable

    def gone(self) -> None:
        """Take the end of the connection."""
        self.recorder.gone()
        self._on_gone(self)

    def _emit(self, name: str, data: Mapping[str, Any], *, t_s: float | None = None) -> None:
        self.log.emit(name, data, t_s=t_s)
        self._on_event(self, name)
        if name == EventName.TURN_COMPLETE:
            assert self.log.turn is not None
            self.log.turn += 1

    @property
    def network(self) -> NetworkAudio:
        """The audio so far."""
        return self._audio.network

    def take(self, name: str, *, seed: int = 0) -> Take:
        """Return the take of the session so far."""
        marked = self.log.timeline.first(EventName.ACTIVITY_SENT) is not None
        # The client is not diag's own, so nothing is known of it but what passed.
        self.log.emit(EventName.CLIENT_DESCRIBED, {"marks_activity": marked})
        clips = network_clips(self.network, self.log.timeline)
        turns = turns_of(self.log.timeline, clips)
        for turn in turns:
            self._note_waited(turn)
        timeline = self.log.timeline
        seen = observed_client(timeline)
        session = {"model": seen.model or "", "response_modalities": seen.asked_modalities}
        if seen.api_version in ("v1", "v1beta", "v1alpha"):
            session["api_version"] = seen.api_version
        return Take(
            id=f"{self.number:04d}",
            scenario=name,
            config=ClientConfig(session=SessionConfig.model_validate(session)),
            environment=wire_environment(self._request.endpoint),
            seed=seed,
            clips=clips,
            timeline=timeline,
            turns=turns,
        )

    def _note_waited(self, turn: Turn) -> None:
        events = [event.name for event in self.log.timeline if event.data.get("turn") == turn.index]
        if turn.speech_end_s is None or EventName.TURN_COMPLETE in events or any(name in events for name in _CONTENT):
            return
        waited_s = turn.end_s - turn.speech_end_s
        if waited_s >= GIVEN_UP_S:
            data = {"turn": turn.index, "waited_s": waited_s}
            self.log.emit(EventName.REPLY_WAIT_OVER, data, t_s=turn.end_s)

    def line(self, turn: int) -> TurnLine:
        """Return what a turn showed so far; `turn` is its index, from 0."""
        timeline = self.log.timeline
        clips = network_clips(self.network, timeline)
        found = next((item for item in turns_of(timeline, clips) if item.index == turn), None)
        chunks = reply_chunks(turn, timeline)
        frames = sum(event.data["frames"] for event in chunks)
        first_s = chunks[0].t_s - found.speech_end_s if found and chunks and found.speech_end_s is not None else None
        interrupted = any(event.data.get("turn") == turn for event in timeline.named(EventName.INTERRUPTED))
        return TurnLine(
            session=self.number,
            turn=turn + 1,
            first_audio_s=first_s,
            audio_s=frames / self.recorder.received.sample_rate_hz,
            interrupted=interrupted,
        )


def wire_environment(endpoint: str) -> dict[str, Any]:
    """Return the facts that are saved with a take of a watched session."""
    return {
        "tool_version": version("diag"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "endpoint": endpoint,
        "client": "a client that diag did not start",
    }


def turns_of(timeline: Timeline, clips: Mapping[Tap, Clip]) -> tuple[Turn, ...]:
    """Return the turns of a session that was watched on the wire.

    A turn ends when the service reports it as complete. What follows the last one is a turn if something was answered
    or speech was sent. Where the speech of a turn is, is found in `sent`; its times are those at which the audio would
    have been sent by a client that sends every sample at once.

    Parameters
    ----------
    timeline : Timeline
        Events of turns carry the number of their turn.
    clips : mapping of Tap to Clip
        `sent` and `received`, if audio passed.
    """
    opened = timeline.first(EventName.SESSION_OPEN)
    if opened is None:
        return ()
    last_s = max(event.t_s for event in timeline)
    ends = {event.data["turn"]: event.t_s for event in timeline.named(EventName.TURN_COMPLETE)}
    turns: list[Turn] = []
    start_s = listening_s = opened.t_s
    for index in range(len(ends) + 1):
        end_s = ends.get(index, last_s)
        content = [event for event in timeline.named(*_CONTENT) if event.data["turn"] == index]
        until_s = content[0].t_s if content else end_s
        speech = _speech(timeline, clips.get(Tap.SENT), listening_s, until_s)
        if index in ends or content or speech is not None:
            turns.append(_turn(index, start_s, end_s, speech, timeline, clips))
        stopped = [event for event in timeline.named(EventName.INTERRUPTED) if event.data["turn"] == index]
        # Who interrupts a reply speaks before it is complete.
        listening_s = content[0].t_s if stopped and content else end_s
        start_s = end_s
    return tuple(turns)


@dataclass(frozen=True)
class _Speech:
    span: tuple[int, int]
    start_s: float
    end_s: float


def _turn(  # noqa: PLR0917 (each is of its own type)
    index: int, start_s: float, end_s: float, speech: _Speech | None, timeline: Timeline, clips: Mapping[Tap, Clip]
) -> Turn:
    chunks = reply_chunks(index, timeline)
    reply = {}
    if chunks and Tap.RECEIVED in clips:
        last = chunks[-1].data
        reply[Tap.RECEIVED] = (chunks[0].data["start_frame"], last["start_frame"] + last["frames"])
    return Turn(
        index=index,
        prompt_name=SPOKEN,
        start_s=start_s,
        end_s=end_s,
        speech_start_s=speech.start_s if speech else None,
        speech_end_s=speech.end_s if speech else None,
        prompt_spans={Tap.SENT: speech.span} if speech else {},
        reply_spans=reply,
    )


def _speech(timeline: Timeline, sent: Clip | None, start_s: float, end_s: float) -> _Speech | None:
    batches = timeline.named(EventName.BATCH_SENT, start_s=start_s, end_s=end_s)
    if sent is None or not batches:
        return None
    first = batches[0].data["start_frame"]
    last = batches[-1].data["start_frame"] + batches[-1].data["frames"]
    samples, rate_hz = sent.samples[first:last], sent.sample_rate_hz
    span = speech_span(samples, rate_hz) if len(samples) else None
    if span is None or first_speech_frame(samples, rate_hz) is None:
        return None
    begin, end = first + span[0], first + span[1]
    margin = round(MARGIN_S * rate_hz)
    return _Speech(
        span=(max(first, begin - margin), min(last, end + margin)),
        start_s=_sent_at_s(batches, begin, rate_hz),
        end_s=_sent_at_s(batches, end, rate_hz),
    )


def _sent_at_s(batches: Sequence[Event], frame: int, rate_hz: int) -> float:
    """Return when a sample would have been sent by a client that sends every sample at once."""
    holding = next(
        (event for event in batches if event.data["start_frame"] + event.data["frames"] >= frame), batches[-1]
    )
    after = holding.data["start_frame"] + holding.data["frames"] - frame
    return float(holding.t_s - max(0, after) / rate_hz)
