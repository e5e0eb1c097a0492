"""Forecast of what the player would have played with another buffer, from the arrival times of a saved take.

The service does not see the player's buffer, so the chunks would have come at the same times. They are given to the
same player again, and the output device asks for its blocks at the times at which it asked in the take.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diag.core.chain import Tap
from diag.core.client_config import ClientConfig
from diag.core.errors import BadInputError
from diag.core.take import Take
from diag.core.timeline import Event, EventName
from diag.files.scenarios import Faults
from diag.record.client.voice_client import Player

_REPLY_OVER = (EventName.GENERATION_COMPLETE, EventName.TURN_COMPLETE)


@dataclass(frozen=True)
class Playback:
    """What a player played of the first reply of a take.

    Parameters
    ----------
    start_s : float or None
        When the first sample of the reply was handed to the device, by the count of frames; None without a reply.
    underruns : int
        How often the player had nothing to play within the take.
    silence_s : float
        Length of these gaps together.
    """

    start_s: float | None
    underruns: int
    silence_s: float


def recorded_playback(take: Take) -> Playback:
    """Return what the player of a take played."""
    rate_hz = take.config.playback.sample_rate_hz
    return _playback([(event.name, event.data) for event in take.timeline], rate_hz)


def forecast_playback(take: Take, prebuffer_ms: float) -> Playback:
    """Return what the player would have played with another buffer.

    Parameters
    ----------
    take : Take
        Recorded by diag's own client, with the tap `played`.
    prebuffer_ms : float
        Length of the buffer in milliseconds, >= 0.

    Raises
    ------
    BadInputError
        If the take has no times of the output device, as with an app.
    """
    stamps = next(
        (event.data for event in take.timeline.named(EventName.STAMPS) if event.data["tap"] == Tap.PLAYED), None
    )
    if stamps is None or not stamps["frame"]:
        raise BadInputError(
            f"Could not forecast take {take.id}",
            seen="it has no times at which the output device took audio",
            allowed="takes of diag's own client",
            next_step="`diag run CONFIG` records them",
        )
    config = replace_prebuffer(take.config, prebuffer_ms)
    player = Player(config, Faults(), _ignored)
    for _, frames, event in heapq.merge(_pulls(stamps, take), _arrivals(take), key=lambda item: item[0]):
        if event is None:
            player.playout.pull(frames)
        elif event.name == EventName.CHUNK_RECEIVED:
            player.audio(bytes(2 * frames), event.data.get("mime_type") or "")
        elif event.name == EventName.INTERRUPTED:
            player.interrupted()
        else:
            player.reply_over()
    noted = [(item.name, {"frame": item.frame, "frames": item.frames}) for item in player.playout.events]
    return _playback(noted, config.playback.sample_rate_hz)


def replace_prebuffer(config: ClientConfig, prebuffer_ms: float) -> ClientConfig:
    """Return a configuration with another buffer of the player."""
    return config.model_copy(update={"playback": config.playback.model_copy(update={"prebuffer_ms": prebuffer_ms})})


def _ignored(name: str, data: Mapping[str, Any], *, t_s: float | None = None) -> None:
    """Take the events of the player and keep none: those of the take are known."""


_Item = tuple[float, int, Event | None]


def _pulls(stamps: Mapping[str, Any], take: Take) -> Iterator[_Item]:
    """Yield when the device asked for a block, and its frames."""
    played = take.clips.get(Tap.PLAYED)
    ends = [*stamps["frame"][1:], played.frames if played is not None else stamps["frame"][-1]]
    for t_s, first, end in zip(stamps["t_s"], stamps["frame"], ends, strict=True):
        yield t_s, end - first, None


def _arrivals(take: Take) -> Iterator[_Item]:
    for event in take.timeline.named(EventName.CHUNK_RECEIVED, EventName.INTERRUPTED, *_REPLY_OVER):
        yield event.t_s, event.data.get("frames", 0), event


def _playback(events: Sequence[tuple[str, Mapping[str, Any]]], rate_hz: int) -> Playback:
    starts = [data["frame"] for name, data in events if name == EventName.PLAYOUT_STARTED]
    gaps = [data["frames"] for name, data in events if name == EventName.UNDERRUN]
    return Playback(starts[0] / rate_hz if starts else None, len(gaps), sum(gaps) / rate_hz)
