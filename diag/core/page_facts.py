"""Facts about a web page under test, as its browser showed them: contexts, buffers, sockets, errors, microphone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diag.core.timeline import Event, EventName, Timeline


@dataclass(frozen=True, kw_only=True)
class PageContext:
    """One audio context.

    Parameters
    ----------
    number : int
        1 for the first that the page made.
    rate_hz : int
        Its sample rate.
    callback_frames : int or None
        Frames per callback of the audio device.
    state : str
        The last that was seen: "suspended", "running" or "closed".
    ran : bool
        Whether it was ever running.
    nodes : mapping of str to int
        Number of nodes by type, such as "AudioBufferSource".
    links : tuple of (str, str)
        Types of nodes that were connected, from the first to the second.
    audible : frozenset of str
        Types of the nodes from which a path leads to the destination.
    capacity : float or None
        Highest share of the time for rendering that was used; near 1 the sound breaks up.
    """

    number: int
    rate_hz: int
    callback_frames: int | None
    state: str
    ran: bool
    nodes: Mapping[str, int]
    links: tuple[tuple[str, str], ...]
    audible: frozenset[str]
    capacity: float | None

    @property
    def captures(self) -> bool:
        """Whether the microphone goes into this context."""
        return "MediaStreamAudioSource" in self.nodes

    @property
    def plays(self) -> bool:
        """Whether it has a node that can be the source of a reply."""
        sources = {"AudioBufferSource", "MediaElementAudioSource"}
        generates = not self.captures and {"AudioWorklet", "ScriptProcessor"} & set(self.nodes)
        return bool(sources & set(self.nodes) or generates)

    @property
    def sounds(self) -> bool:
        """Whether a path leads from such a node to the destination."""
        return bool({"AudioBufferSource", "MediaElementAudioSource", "AudioWorklet", "ScriptProcessor"} & self.audible)


@dataclass(frozen=True, kw_only=True)
class PageBuffers:
    """Audio buffers of one rate that were played in contexts of one rate.

    Parameters
    ----------
    rate_hz, context_rate_hz : int
    count, frames, longest_frames : int
        Number of buffers, frames of all, frames of the longest.
    playback_rate : float
        `playbackRate` of the first source.
    """

    rate_hz: int
    context_rate_hz: int
    count: int
    frames: int
    longest_frames: int
    playback_rate: float


@dataclass(frozen=True, kw_only=True)
class PageSchedule:
    """When the buffers of one context were started.

    Parameters
    ----------
    rate_hz : int
        Sample rate of the context.
    ahead_s : tuple of float
        For each start, how far ahead of the context's clock it was scheduled; negative if it was too late.
    gap_s : tuple of float
        For each start but the first, the time from the end of what was scheduled before; negative where they overlap.
    """

    rate_hz: int
    ahead_s: tuple[float, ...]
    gap_s: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class PageSocket:
    """Messages with audio in one direction of a WebSocket of the page.

    Parameters
    ----------
    direction : str
        "sent" or "received", as the page sees it.
    messages : int
        Number of messages with audio.
    audio_bytes : tuple of int
        Bytes of audio in each.
    span_s : float
        Time between the first and the last.
    mime_type : str or None
        MIME type that the messages state.
    """

    url: str
    direction: str
    messages: int
    audio_bytes: tuple[int, ...]
    span_s: float
    mime_type: str | None


@dataclass(frozen=True, kw_only=True)
class PageMicrophone:
    """One request for the microphone: what was asked, and what was granted or why not.

    Parameters
    ----------
    asked : mapping
        The constraints.
    granted : mapping or None
        The settings of the track; None if there is no microphone.
    error, message : str or None
        Name and text of the error.
    """

    asked: Mapping[str, Any]
    granted: Mapping[str, Any] | None
    error: str | None
    message: str | None


@dataclass(frozen=True, kw_only=True)
class PageError:
    """A script error that nothing caught; `url` and `line` (from 1) are where, as far as it is known."""

    text: str
    url: str
    line: int | None
    rejection: bool
    t_s: float


@dataclass(frozen=True, kw_only=True)
class PageFacts:
    """What was seen of a page; None where it was not seen.

    Parameters
    ----------
    url : str or None
    browser : str or None
        Name and version.
    secure : bool or None
        Whether the page is a secure context.
    has_media_devices : bool or None
        Whether the page has `navigator.mediaDevices`.
    microphones : tuple of PageMicrophone
    contexts : tuple of PageContext
    buffers : tuple of PageBuffers
    schedules : tuple of PageSchedule
    sockets : tuple of PageSocket
    script_processors : tuple of int
        Buffer length of each.
    worklets : tuple of str
        Names of the worklet's processors.
    errors : tuple of PageError
    console : tuple of (str, str)
        Level and text of each line.
    failed_requests : tuple of (str, str)
        Address and reason.
    steps : tuple of str
        What was done to start the conversation.
    """

    url: str | None
    browser: str | None
    secure: bool | None
    has_media_devices: bool | None
    microphones: tuple[PageMicrophone, ...]
    contexts: tuple[PageContext, ...]
    buffers: tuple[PageBuffers, ...]
    schedules: tuple[PageSchedule, ...]
    sockets: tuple[PageSocket, ...]
    script_processors: tuple[int, ...]
    worklets: tuple[str, ...]
    errors: tuple[PageError, ...]
    console: tuple[tuple[str, str], ...]
    failed_requests: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]

    @property
    def relays(self) -> tuple[PageContext, ...]:
        """The contexts that play what another context of the page hands over as a stream."""
        if not any("MediaStreamAudioDestination" in context.nodes for context in self.contexts):
            return ()
        return tuple(context for context in self.contexts if "MediaStreamAudioSource" in context.audible)

    @property
    def capture_contexts(self) -> tuple[PageContext, ...]:
        """The contexts into which the microphone goes."""
        return tuple(context for context in self.contexts if context.captures)

    @property
    def playing_contexts(self) -> tuple[PageContext, ...]:
        """The contexts that can be the source of a reply."""
        return tuple(context for context in self.contexts if context.plays)

    @property
    def capture_rate_hz(self) -> int | None:
        """Rate of the context into which the microphone goes; None if there is none, or several of different rates."""
        return _only({context.rate_hz for context in self.capture_contexts})

    @property
    def playback_rate_hz(self) -> int | None:
        """Rate of the context that plays; None if there is none, or several of different rates."""
        return _only({context.rate_hz for context in self.playing_contexts})


def page_facts(timeline: Timeline) -> PageFacts | None:
    """Return the facts about a page that the events of a take show; None if no page was opened."""
    opened, browser = timeline.first(EventName.PAGE_OPENED), timeline.first(EventName.PAGE_BROWSER)
    if opened is None and browser is None:
        return None
    seen = opened.data if opened else {}

    def data(name: EventName) -> list[Mapping[str, Any]]:
        return [event.data for event in timeline.named(name)]

    return PageFacts(
        url=seen.get("url"),
        browser=browser.data.get("product") if browser else None,
        secure=seen.get("secure"),
        has_media_devices=seen.get("media"),
        microphones=tuple(
            PageMicrophone(
                asked=item.get("asked") or {}, granted=item.get("granted"), error=item.get("error"),
                message=item.get("message"),
            )
            for item in data(EventName.PAGE_MICROPHONE)
        ),
        contexts=tuple(_context(item) for item in data(EventName.PAGE_CONTEXT)),
        buffers=tuple(PageBuffers(**item) for item in data(EventName.PAGE_BUFFERS)),
        schedules=tuple(
            PageSchedule(rate_hz=item["rate_hz"], ahead_s=tuple(item["ahead_s"]), gap_s=tuple(item["gap_s"]))
            for item in data(EventName.PAGE_SCHEDULE)
        ),
        sockets=tuple(_socket(item) for item in data(EventName.PAGE_SOCKET) if item["audio_messages"]),
        script_processors=tuple(item["frames"] for item in data(EventName.PAGE_SCRIPT_PROCESSOR)),
        worklets=tuple(item["name"] for item in data(EventName.PAGE_WORKLET)),
        errors=tuple(_error(event) for event in timeline.named(EventName.PAGE_ERROR)),
        console=tuple((item["level"], item["text"]) for item in data(EventName.PAGE_CONSOLE)),
        failed_requests=tuple((item["url"], str(item["error"])) for item in data(EventName.PAGE_REQUEST_FAILED)),
        steps=tuple(item["text"] for item in data(EventName.PAGE_STEP)),
    )  # fmt: skip


def _context(item: Mapping[str, Any]) -> PageContext:
    return PageContext(
        number=item["number"], rate_hz=item["rate_hz"], callback_frames=item["callback_frames"], state=item["state"],
        ran=item["ran"], nodes=dict(item["nodes"]), links=tuple((first, second) for first, second in item["links"]),
        audible=frozenset(item["audible"]), capacity=item["capacity"],
    )  # fmt: skip


def _socket(item: Mapping[str, Any]) -> PageSocket:
    return PageSocket(
        url=item["url"] or "", direction=item["direction"], messages=item["audio_messages"],
        audio_bytes=tuple(item["audio_bytes"]), span_s=item["span_s"] or 0.0, mime_type=item["mime_type"],
    )  # fmt: skip


def _error(event: Event) -> PageError:
    line = event.data.get("line")
    return PageError(
        text=event.data["text"], url=event.data.get("url") or "", line=line if line else None,
        rejection=bool(event.data.get("rejection")), t_s=event.t_s,
    )  # fmt: skip


def _only(rates: set[int]) -> int | None:
    return next(iter(rates)) if len(rates) == 1 else None


LEAST_MESSAGES, LEAST_SPAN_S, LONG_SPAN_S = 20, 1.0, 3.0
"""The rate of fewer messages, or of a shorter time, is not measured. In a long time a few long messages are enough."""


def measured_rate_hz(socket: PageSocket) -> float | None:
    """Return the rate at which a socket carried 16-bit samples, by the clock; None if it was used too shortly.

    Messages are sent once they are full, so the samples of the first were collected before the measured time.
    """
    few = socket.messages < LEAST_MESSAGES and socket.span_s < LONG_SPAN_S
    if few or socket.span_s < LEAST_SPAN_S:
        return None
    return sum(socket.audio_bytes[1:]) / 2 / socket.span_s
