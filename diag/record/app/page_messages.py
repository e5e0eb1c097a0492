"""Audio in the messages of a page's own WebSockets, and the taps that it gives where no session passed the proxy.

A page that talks to a server of its own, which diag did not start, shows what it sends and receives. If these are
messages of the Live API, they give all events of a session. Otherwise they give the audio alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from diag.core.page_facts import LEAST_MESSAGES, LEAST_SPAN_S
from diag.core.timeline import EventName
from diag.core.units import LIVE_INPUT_RATE_HZ, LIVE_OUTPUT_RATE_HZ, mime_rate_hz
from diag.record.app.driver import PageMessage
from diag.record.app.message_audio import audio_in_message, json_message
from diag.record.proxy.session_recorder import Emit, Request, SessionRecorder, WireAudio

USUAL_RATES_HZ = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
RATE_TOLERANCE = 0.04
"""A measured rate is taken for the usual one that is this close, as a share. Neighbours differ by 9 % or more."""
_CONTAINERS = (b"\x1aE\xdf\xa3", b"OggS", b"ID3", b"fLaC", b"RIFF")
"""First bytes of WebM, Ogg, MP3, FLAC and WAV; such a stream is not PCM."""
_LARGEST_FLOAT, _SMALLEST_FLOAT, _FLOAT_SHARE = 4.0, 1e-9, 0.99


def note_messages(
    messages: Sequence[PageMessage],
    emit: Emit,
    clock: Callable[[float], float],
    audio: WireAudio,
) -> tuple[int, int]:
    """Emit the events that messages give and add their audio; return how many with audio were sent and received.

    Parameters
    ----------
    messages : sequence of PageMessage
        Of all WebSockets of the page, in order of time.
    emit : Emit
    clock : callable
        Converts a `time.perf_counter` reading to the clock of the log.
    audio : WireAudio
        Where the audio is added.
    """
    live = _live_socket(messages)
    if live is not None:
        return _live_session([item for item in messages if item.socket == live], emit, clock, audio)
    return (
        _stream(messages, emit, clock, audio, sent=True),
        _stream(messages, emit, clock, audio, sent=False),
    )


def _live_socket(messages: Iterable[PageMessage]) -> str | None:
    """Return the WebSocket that speaks the Live API's messages; None if there is none."""
    for item in messages:
        if not item.sent and b"etup" in item.payload[:200]:
            message = json_message(item.payload)
            if isinstance(message, Mapping) and ("setupComplete" in message or "setup_complete" in message):
                return item.socket
    return None


def _live_session(
    messages: Sequence[PageMessage], emit: Emit, clock: Callable[[float], float], audio: WireAudio
) -> tuple[int, int]:
    first = messages[0]
    _, _, rest = first.url.partition("://")
    host, slash, path = rest.partition("/")
    request = Request(target=slash + path or "/", headers={}, host=host, endpoint="url")
    recorder = SessionRecorder(request, emit, clock, audio)
    counts = [0, 0]
    for item in messages:
        before = len(audio.sent.pcm), len(audio.received.pcm)
        take = recorder.from_client if item.sent else recorder.from_service
        take(item.payload, item.at_s)
        after = len(audio.sent.pcm), len(audio.received.pcm)
        counts = [count + (new > old) for count, new, old in zip(counts, after, before, strict=True)]
    return counts[0], counts[1]


def _stream(
    messages: Sequence[PageMessage], emit: Emit, clock: Callable[[float], float], audio: WireAudio, *, sent: bool
) -> int:
    """Emit the audio of one direction, from the WebSocket that carried most of it."""
    found: dict[str, list[tuple[float, bytes, str | None]]] = {}
    for item in messages:
        if item.sent == sent and (inside := audio_in_message(item.payload, binary=item.binary)) is not None:
            found.setdefault(item.socket, []).append((item.at_s, *inside))
    batches = max(found.values(), key=len, default=[])
    if not batches or batches[0][1].startswith(_CONTAINERS):
        return 0
    stated = next((mime for *_, mime in batches if mime), None)
    if stated is not None and not _is_pcm(stated):
        return 0
    pcm = _int16([data for _, data, _ in batches])
    usual_hz = LIVE_INPUT_RATE_HZ if sent else LIVE_OUTPUT_RATE_HZ
    measured_hz = _measured_hz([at_s for at_s, *_ in batches], pcm) if sent else None
    rate_hz = (mime_rate_hz(stated) if stated else None) or measured_hz or usual_hz
    mime_type = f"audio/pcm;rate={rate_hz}"
    sound = audio.sent if sent else audio.received
    name = EventName.BATCH_SENT if sent else EventName.CHUNK_RECEIVED
    for (at_s, data, _), samples in zip(batches, pcm, strict=True):
        start, frames = sound.add(samples, mime_type, usual_hz)
        facts = {"start_frame": start, "frames": frames, "bytes": len(data), "mime_type": mime_type}
        emit(name, facts, t_s=clock(at_s))
    return len(batches)


def _is_pcm(mime_type: str) -> bool:
    kind = mime_type.partition(";")[0].strip().lower()
    return kind in ("", "audio/pcm", "audio/l16", "audio/x-pcm", "application/octet-stream")


def _int16(batches: Sequence[bytes]) -> list[bytes]:
    """Return batches as 16-bit samples, if they are 32-bit floating point; else as they are."""
    whole = b"".join(data for data in batches if len(data) % 4 == 0)
    values = np.abs(np.frombuffer(whole, dtype="<f4"))
    values = values[values != 0]
    with np.errstate(invalid="ignore"):
        likely = (values < _LARGEST_FLOAT) & (values > _SMALLEST_FLOAT)
    if not len(values) or likely.mean() < _FLOAT_SHARE:
        return list(batches)
    return [
        np.round(32767 * np.clip(np.frombuffer(data[: len(data) // 4 * 4], dtype="<f4"), -1, 1)).astype("<i2").tobytes()
        for data in batches
    ]


def _measured_hz(times_s: Sequence[float], batches: Sequence[bytes]) -> int | None:
    """Return the usual rate that is nearest to the one measured by the clock; None if none is near."""
    span_s = times_s[-1] - times_s[0]
    if len(batches) < LEAST_MESSAGES or span_s < LEAST_SPAN_S:
        return None
    measured_hz = sum(len(data) for data in batches[1:]) / 2 / span_s
    nearest_hz = min(USUAL_RATES_HZ, key=lambda rate_hz: abs(rate_hz - measured_hz))
    return nearest_hz if abs(nearest_hz / measured_hz - 1) <= RATE_TOLERANCE else None
