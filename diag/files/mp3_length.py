"""MP3 files that do not say how long they are: the frame with the length that their encoder left out.

Decoders estimate the length of such a file from its first frames and its size, and stop there although more follows.
"""

from __future__ import annotations

from diag.dsp.bytes_inside import layer3_frame_bytes

_MARKS = (b"Xing", b"Info", b"VBRI")
_RATE_INDEX = 8
"""Bit rate of the added frame (64 or 112 kbit/s), so that the length fits into it whatever the rate of the others."""


def states_its_length(data: bytes) -> bool:
    """Return whether the first frames of an MP3 file hold its length.

    Parameters
    ----------
    data : bytes
        The file, or its first 4 kB after an ID3 tag.
    """
    start = _after_tag(data)
    return any(mark in data[start : start + 4096] for mark in _MARKS)


def with_length(data: bytes) -> bytes:
    """Return an MP3 file with a first frame that states how many frames follow (Xing); unchanged where none is found.

    The layout is that of the frame that LAME writes: a frame of silence whose main data is "Xing", a word of flags (1:
    the number of frames follows) and that number, both of four bytes, big endian.
    """
    first, count = _frames(data, _after_tag(data))
    if not count:
        return data
    head = bytearray(data[first : first + 4])
    head[1] |= 1  # no checksum
    head[2] = _RATE_INDEX << 4 | head[2] & 0x0C
    length = layer3_frame_bytes(bytes(head) + bytes(4), 0)
    mono, newest = head[3] >> 6 == 3, head[1] >> 3 & 3 == 3
    side = (17 if mono else 32) if newest else (9 if mono else 17)
    frame = bytes(head) + bytes(side) + b"Xing" + (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    return frame.ljust(length, b"\0") + data[first:]


def _after_tag(data: bytes) -> int:
    """Return where the frames may begin: after an ID3v2 tag, whose length is written in four times seven bits."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    return 10 + sum((byte & 127) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))


def _frames(data: bytes, start: int) -> tuple[int, int]:
    """Return where the first frame stands and how many there are; what is no frame between them is passed over."""
    first, count, at = -1, 0, start
    while 0 <= at < len(data) - 4:
        length = layer3_frame_bytes(data, at) if data[at] == 0xFF and data[at + 1] >= 0xE0 else 0
        if length and (count or _follows(data, at + length)):
            first = at if first < 0 else first
            count, at = count + 1, at + length
        else:
            at = data.find(b"\xff", at + 1)
    return first, count


def _follows(data: bytes, at: int) -> bool:
    """Return whether another frame stands here, or the end of the file."""
    return at >= len(data) - 4 or (data[at] == 0xFF and layer3_frame_bytes(data, at) > 0)
