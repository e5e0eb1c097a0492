"""Passive decoder of one direction of a WebSocket connection (RFC 6455, with permessage-deflate of RFC 7692).

It gets the same bytes as the other side of the connection and gives the messages in them. It never changes or answers
anything, so it cannot disturb the connection that it watches.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

LONGEST_MESSAGE_BYTES = 64 * 1024 * 1024
_DEFLATE_END = b"\x00\x00\xff\xff"
_LENGTH_16, _LENGTH_64 = 126, 127
_FIN, _COMPRESSED, _MASKED = 0x80, 0x40, 0x80


class FrameError(ValueError):
    """The bytes are not a WebSocket stream that this decoder can follow."""


class Opcode(IntEnum):
    """Kinds of frames."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


@dataclass(frozen=True)
class Message:
    """A complete message or control frame; the payload is unmasked and decompressed."""

    opcode: Opcode
    payload: bytes

    @property
    def close(self) -> tuple[int, str]:
        """Code and reason of a close frame; 1005 if it has none (RFC 6455, 7.1.5)."""
        if len(self.payload) < 2:
            return 1005, ""
        return int.from_bytes(self.payload[:2], "big"), self.payload[2:].decode("utf-8", "replace")


class FrameReader:
    """Decoder of one direction.

    Parameters
    ----------
    extensions : str
        Value of the header `Sec-WebSocket-Extensions` in the server's answer; empty if there is none.
    from_client : bool
        The bytes come from the client, so that its settings of the extension apply.
    """

    def __init__(self, extensions: str, *, from_client: bool) -> None:
        self._waiting = bytearray()
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._opcode = Opcode.TEXT
        self._compressed = False
        offered = extensions.lower()
        self._deflates = "permessage-deflate" in offered
        side = "client" if from_client else "server"
        self._forgets = f"{side}_no_context_takeover" in offered
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def push(self, data: bytes) -> Iterator[Message]:
        """Yield the messages that are complete with these bytes.

        Raises
        ------
        FrameError
            If the bytes are not WebSocket frames, or a message is longer than `LONGEST_MESSAGE_BYTES`. The decoder
            must not be used any more.
        """
        self._waiting += data
        while True:
            frame = self._next_frame()
            if frame is None:
                return
            message = self._message(*frame)
            if message is not None:
                yield message

    def _next_frame(self) -> tuple[int, bytes] | None:
        """Return the first byte and the unmasked payload of the next complete frame, or None."""
        waiting = self._waiting
        if len(waiting) < 2:
            return None
        head, length = 2, waiting[1] & 0x7F
        if length == _LENGTH_16:
            head, length = 4, int.from_bytes(waiting[2:4], "big")
        elif length == _LENGTH_64:
            head, length = 10, int.from_bytes(waiting[2:10], "big")
        masked = bool(waiting[1] & _MASKED)
        start = head + (4 if masked else 0)
        if len(waiting) < start:
            return None
        if length > LONGEST_MESSAGE_BYTES:
            raise FrameError(f"a frame of {length} bytes")
        if len(waiting) < start + length:
            return None
        payload = bytes(waiting[start : start + length])
        if masked:
            payload = unmasked(payload, bytes(waiting[head:start]))
        first = waiting[0]
        del waiting[: start + length]
        return first, payload

    def _message(self, first: int, payload: bytes) -> Message | None:
        try:
            opcode = Opcode(first & 0x0F)
        except ValueError:
            raise FrameError(f"a frame of the unknown kind {first & 0x0F}") from None
        if opcode >= Opcode.CLOSE:
            return Message(opcode, payload)
        if opcode is not Opcode.CONTINUATION:
            self._opcode, self._compressed = opcode, bool(first & _COMPRESSED)
            self._parts, self._parts_bytes = [], 0
        self._parts.append(payload)
        self._parts_bytes += len(payload)
        if self._parts_bytes > LONGEST_MESSAGE_BYTES:
            raise FrameError(f"a message of {self._parts_bytes} bytes")
        if not first & _FIN:
            return None
        whole = b"".join(self._parts)
        self._parts = []
        return Message(self._opcode, self._inflated(whole) if self._compressed else whole)

    def _inflated(self, data: bytes) -> bytes:
        if not self._deflates:
            raise FrameError("a compressed message without the extension for it")
        try:
            out = self._inflater.decompress(data + _DEFLATE_END, LONGEST_MESSAGE_BYTES)
        except zlib.error as error:
            raise FrameError(f"compressed data that cannot be read ({error})") from None
        if self._inflater.unconsumed_tail:
            raise FrameError("a compressed message that is too long")
        if self._forgets:
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        return out


def unmasked(payload: bytes, key: bytes) -> bytes:
    """Return a payload without its mask (RFC 6455, 5.3)."""
    # One operation on long integers is the fastest way in plain Python.
    mask = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")).to_bytes(len(payload), "little")
