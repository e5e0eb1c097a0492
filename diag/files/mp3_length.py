"""Add the missing length to MP3 files whose encoder did not write it.

Decoders estimate the length of such a file from its first frames and its size, and may stop before its end.
"""

from __future__ import annotations

from diag.dsp.bytes_inside import layer3_frame_bytes

_MARKS = (b"Xing", b"Info", b"VBRI")
_RATE_INDEX = 8
"""Bit rate index of the added frame (64 or 112 kbit/s): large enough to hold the length, whatever the other frames."""


def states_its_length(data: bytes) -> bool:
    """Return whether the first frames of an MP3 file hold its length.

    Parameters
    ----------
    data : bytes
        The file; the ID3 tag, if any, and the 4 kB after it are enough.
    """
    start = _after_tag(data)
    return any(mark in data[start : start + 4096] for mark in _MARKS)


def with_length(data: bytes) -> bytes:
    """Return an MP3 file with an added first frame that holds the number of frames; unchanged if it has no frames.

    The added frame has the layout that LAME writes: a silent frame whose main data are "Xing", a flags word (1: the
    number of frames follows) and the number of frames. Both numbers have four bytes, big endian.
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
    """Return the byte after the ID3v2 tag, or 0 without a tag. The tag's length is stored in four bytes of 7 bits."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    return 10 + sum((byte & 127) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))


def _frames(data: bytes, start: int) -> tuple[int, int]:
    """Return the first byte of the first frame (-1 for none) and the number of frames. Other data are skipped."""
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
    """Return whether another frame or the end of the file is at this byte."""
    return at >= len(data) - 4 or (data[at] == 0xFF and layer3_frame_bytes(data, at) > 0)
