"""The decoder finds the messages in a WebSocket stream, however the bytes are split."""

from __future__ import annotations

import contextlib
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diag.record.proxy.websocket_frames import FrameError, FrameReader, Opcode, unmasked


def frame(payload, opcode=Opcode.BINARY, *, fin=True, key=b"", compressed=False):
    head = bytes(((0x80 if fin else 0) | (0x40 if compressed else 0) | opcode,))
    mask = 0x80 if key else 0
    if len(payload) < 126:
        head += bytes((mask | len(payload),))
    elif len(payload) < 65536:
        head += bytes((mask | 126,)) + len(payload).to_bytes(2, "big")
    else:
        head += bytes((mask | 127,)) + len(payload).to_bytes(8, "big")
    return head + key + (unmasked(payload, key) if key else payload)


def read(reader, data, cuts=()):
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [message for a, b in itertools.pairwise(places) for message in reader.push(data[a:b])]


@given(
    messages=st.lists(st.tuples(st.binary(max_size=300), st.booleans(), st.binary(min_size=4, max_size=4)), max_size=6),
    cuts=st.lists(st.integers(0, 5000), max_size=8),
)
def test_messages_survive_any_split_mask_and_fragmentation(messages, cuts):
    data = b""
    for payload, fragmented, key in messages:
        if fragmented:
            half = len(payload) // 2
            data += frame(payload[:half], Opcode.TEXT, fin=False, key=key) + frame(b"ping", Opcode.PING, key=key)
            data += frame(payload[half:], Opcode.CONTINUATION, key=key)
        else:
            data += frame(payload, key=key)
    found = read(FrameReader("", from_client=True), data, cuts)
    assert [item.payload for item in found if item.opcode < Opcode.CLOSE] == [payload for payload, *_ in messages]


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 200_000])
def test_every_form_of_length_is_read(size):
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
    (found,) = FrameReader("", from_client=False).push(frame(payload))
    assert found.payload == payload


@pytest.mark.parametrize("forgets", [True, False])
def test_compressed_messages_are_decompressed(forgets):
    extensions = "permessage-deflate" + ("; client_no_context_takeover" if forgets else "")
    reader, deflater = FrameReader(extensions, from_client=True), zlib.compressobj(wbits=-15)
    for text in (b"hello hello hello", b"hello again", b""):
        if forgets:
            deflater = zlib.compressobj(wbits=-15)
        data = (deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")
        (found,) = reader.push(frame(data, Opcode.TEXT, compressed=True, key=b"abcd"))
        assert found.payload == text


def test_a_close_frame_gives_code_and_reason():
    (found,) = FrameReader("", from_client=False).push(frame((1007).to_bytes(2, "big") + "né".encode(), Opcode.CLOSE))
    assert found.close == (1007, "né")
    (bare,) = FrameReader("", from_client=False).push(frame(b"", Opcode.CLOSE))
    assert bare.close == (1005, "")


@pytest.mark.parametrize(
    "data",
    [
        b"\x83\x01a",
        b"\x82\x7f" + (2**62).to_bytes(8, "big"),
        frame(b"not deflated \xff", Opcode.TEXT, compressed=True),
    ],
    ids=["unknown kind", "too long", "not deflated"],
)
def test_what_is_no_websocket_stream_is_refused(data):
    with pytest.raises(FrameError):
        list(FrameReader("permessage-deflate", from_client=False).push(data))


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_a_frame_error(data):
    with contextlib.suppress(FrameError):
        list(FrameReader("permessage-deflate", from_client=False).push(data))
