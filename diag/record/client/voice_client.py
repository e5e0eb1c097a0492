"""The client under test: microphone → batches → Live API → player, built from stages that do no I/O themselves."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from diag.core.client_config import ClientConfig
from diag.core.clip import Samples, clip_from_pcm16
from diag.core.observed_client import described_client
from diag.core.timeline import EventName
from diag.core.units import LIVE_OUTPUT_RATE_HZ, playable_rate_hz
from diag.files.scenarios import Faults
from diag.record.audio.ports import Block
from diag.record.client.batcher import Batch, Batcher
from diag.record.client.impairments import Chain, Squeeze, planted_chain
from diag.record.client.playout import Playout
from diag.record.client.resampler import Resampler

HALF_DUPLEX_HOLD_S = 0.5
"""A half-duplex client listens again this long after the end of a reply, when the buffer of the output has been played
and the room is silent."""


class Emit(Protocol):
    """Callback that logs an event."""

    def __call__(self, name: str, data: Mapping[str, Any], *, t_s: float | None = None) -> None:
        """Log an event that happened at `t_s`, or now if `t_s` is None."""


class Connection(Protocol):
    """What the sender needs of a session."""

    open: bool

    async def send_audio(self, pcm: bytes, mime_type: str) -> bool:
        """Send one chunk of 16-bit PCM; return False if the session has ended."""


class Sender:
    """Resample captured blocks, gather them into batches and send these as the device delivers audio."""

    def __init__(self, config: ClientConfig, faults: Faults, emit: Emit) -> None:
        send = config.send
        content_rate_hz = send.sample_rate_hz if send.resample else config.capture.sample_rate_hz
        self._resampler = Resampler(config.capture.sample_rate_hz, content_rate_hz)
        self._captured_per_sent = config.capture.sample_rate_hz / content_rate_hz
        # A client computes the length of a batch from the rate that it declares, even if the audio has another rate.
        believed_rate_hz = send.declared_rate_hz or content_rate_hz
        self._batcher = Batcher(max(1, round(send.batch_ms / 1000 * believed_rate_hz)))
        self._mime_type = f"audio/pcm;rate={send.declared_rate_hz}" if send.declared_rate_hz else "audio/pcm"
        self.sample_rate_hz = believed_rate_hz
        self._queue: asyncio.Queue[tuple[Batch, int]] = asyncio.Queue()
        self._captured_frames = 0
        self._emit = emit
        self._pcm: list[bytes] = []
        planted = faults.on("sender")
        self._impaired = planted_chain(planted, content_rate_hz)
        self._pace = next((fault.ratio for fault in planted if fault.kind == "pace"), None)
        self._first_batch_s: float | None = None

    def captured(self, samples: Samples, t_s: float) -> None:
        """Take mono samples, shape (n,), that the microphone delivered at `t_s`; call it on the event loop."""
        self._captured_frames += len(samples)
        for batch in self._batcher.push(self._impaired.push(self._resampler.push(samples)), t_s):
            end_frame = round((batch.start_frame + batch.frames) * self._captured_per_sent)
            # A planted fault may change the length, and then sent frames cannot be converted to captured frames.
            self._queue.put_nowait((batch, self._captured_frames if self._impaired else end_frame))

    def forget(self) -> None:
        """Free the PCM that was sent so far."""
        self._pcm.clear()

    async def run(self, connection: Connection) -> None:
        """Send batches until the session ends."""
        while connection.open:
            batch, captured_end_frame = await self._queue.get()
            if self._pace is not None:
                await self._held_to_pace(batch, self._pace)
            if not await connection.send_audio(batch.pcm, self._mime_type):
                return
            self._pcm.append(batch.pcm)
            self._emit(
                "batch_sent",
                {
                    "start_frame": batch.start_frame,
                    "frames": batch.frames,
                    "captured_end_frame": captured_end_frame,
                    "captured_s": batch.captured_s,
                    "mime_type": self._mime_type,
                },
            )

    async def _held_to_pace(self, batch: Batch, pace: float) -> None:
        """Wait until the batch is due at the planted wrong pace."""
        now_s = time.perf_counter()
        if self._first_batch_s is None:
            self._first_batch_s = now_s
        due_s = self._first_batch_s + batch.start_frame / self.sample_rate_hz / pace
        await asyncio.sleep(max(0.0, due_s - now_s))

    @property
    def pcm(self) -> bytes:
        """Return all PCM that was sent."""
        return b"".join(self._pcm)


class Player:
    """Decode and resample received chunks, and queue them for the output device.

    The rate that the first chunk of a session declares is used for all audio of the session, both for playing and for
    the recording of the received audio. If a later chunk declares another rate, its MIME type is on the timeline, and
    the rules check it there.
    """

    def __init__(self, config: ClientConfig, faults: Faults, emit: Emit) -> None:
        playback = config.playback
        self._rate_hz = playback.sample_rate_hz
        self._resample = playback.resample
        self._faults = faults
        late_s = sum(fault.for_s or 0.0 for fault in faults.on("player") if fault.kind == "late")
        self.playout = Playout(round((playback.prebuffer_ms / 1000 + late_s) * playback.sample_rate_hz))
        self._emit = emit
        self._pcm: list[bytes] = []
        self._frames = 0
        self._resampler: Resampler | None = None
        self._squeeze: Squeeze | None = None
        self._misread = Chain(())
        self._impaired = Chain(())
        self._flushes = all(fault.kind != "no-flush" for fault in faults.on("player"))
        self._declared_hz: int | None = None

    @property
    def busy(self) -> bool:
        """Return whether received audio is still being played or waits to be played."""
        return self.playout.playing or self.playout.waiting_frames > 0

    def audio(self, pcm: bytes, mime_type: str) -> None:
        """Take one chunk of 16-bit PCM as it arrives, without waiting."""
        if self._declared_hz is None:
            self._declared_hz = playable_rate_hz(mime_type, LIVE_OUTPUT_RATE_HZ)
        rate_hz = self._declared_hz
        frames = len(pcm) // 2
        self._emit(
            "chunk_received",
            {"start_frame": self._frames, "frames": frames, "bytes": len(pcm), "mime_type": mime_type},
        )
        self._pcm.append(pcm[: frames * 2])
        self._frames += frames
        samples = np.array(clip_from_pcm16(pcm, rate_hz).samples)
        if self._resampler is None:
            self._resampler = Resampler(rate_hz, self._rate_hz if self._resample else rate_hz)
            through_hz = self._faults.player_squeeze_hz
            self._squeeze = Squeeze(self._rate_hz, through_hz) if through_hz else None
            planted = self._faults.on("player")
            # Wrong reading of bytes happens in the decoder, so it comes before the resampler, at the received rate.
            self._misread = planted_chain([fault for fault in planted if fault.kind == "bytes"], rate_hz)
            self._impaired = planted_chain([fault for fault in planted if fault.kind != "bytes"], self._rate_hz)
        self._feed(self._resampler.push(self._misread.push(samples)))

    def reply_over(self) -> None:
        """Note that the service has sent all of its reply; the queued audio is still played."""
        if self._resampler is not None:
            self._feed(self._resampler.push(self._misread.finish()))
            self._feed(self._resampler.finish())
            if self._squeeze is not None:
                self.playout.feed(self._impaired.push(self._squeeze.finish()))
            self.playout.feed(self._impaired.finish())
        self._resampler = None
        self.playout.end()

    def interrupted(self) -> None:
        """Discard the queued audio because the user interrupted the reply."""
        if self._flushes:
            self._resampler = None
            self.playout.flush()

    def forget(self) -> None:
        """Free the PCM that was received so far."""
        self._pcm.clear()

    def _feed(self, samples: Samples) -> None:
        samples = samples if self._squeeze is None else self._squeeze.push(samples)
        self.playout.feed(self._impaired.push(samples))

    @property
    def received_rate_hz(self) -> int:
        """Return the sample rate of the received audio in Hz; the Live API's default before the first chunk."""
        return LIVE_OUTPUT_RATE_HZ if self._declared_hz is None else self._declared_hz

    @property
    def pcm(self) -> bytes:
        """Return all PCM that was received."""
        return b"".join(self._pcm)


class VoiceClient:
    """Sender and player of one session, connected to the audio callbacks and the event loop.

    Parameters
    ----------
    config : ClientConfig
        The client under test.
    faults : Faults
        Faults to plant in sender and player.
    emit : Emit
        Logs each event; called on the event loop.
    """

    def __init__(self, config: ClientConfig, faults: Faults, emit: Emit) -> None:
        self._loop = asyncio.get_running_loop()
        self._emit = emit
        emit(EventName.CLIENT_DESCRIBED, described_client(config))
        self._half_duplex = config.send.half_duplex
        self._listens_from_s = -math.inf
        self.sender = Sender(config, faults, emit)
        self.player = Player(config, faults, emit)
        self._playing_turn: int | None = None

    def microphone(self, block: Block, t_s: float) -> None:
        """Pass a captured block of shape (frames, channels) to the sender; call it on the audio thread."""
        samples = block[:, 0].copy()
        if self._half_duplex:
            if self.player.busy:
                self._listens_from_s = t_s + HALF_DUPLEX_HOLD_S
            if t_s < self._listens_from_s:
                samples[:] = 0
        self._loop.call_soon_threadsafe(self.sender.captured, samples, t_s)

    def event(self, name: str) -> None:
        """End or interrupt playing when the service sends the event that says so."""
        if name in ("generation_complete", "turn_complete"):
            self.player.reply_over()
        elif name == "interrupted":
            self.player.interrupted()

    def report_playout(self, turn: int | None) -> None:
        """Log the playout events that the audio thread has queued since the last call.

        Parameters
        ----------
        turn : int or None
            The turn whose reply is being received. A reply that starts now is of this turn; one that ends now may be of
            an earlier one.
        """
        events = self.player.playout.events
        while events:
            noted = events.popleft()
            if noted.name == "playout_started":
                self._playing_turn = turn
            data = {"frame": noted.frame, **({"frames": noted.frames} if noted.name == "underrun" else {})}
            self._emit(noted.name, {"turn": self._playing_turn, **data})
