import base64
import io
import struct

import numpy as np
import pytest
import soundfile
import soxr
from dsp_voices import made_voice
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.dsp.byte_formats import ReadingKind, alaw_table, codes_of, formats, law_tables, mulaw_table, shifted_by_bits
from diag.dsp.byte_readings import wrong_reading

RANDOM = np.random.default_rng(5)
CONFUSED = [
    ("s16be", "s16le"), ("u8", "s16le"), ("s8", "s16le"), ("mulaw", "s16le"), ("alaw", "s16le"), ("s24le", "s16le"),
    ("s24be", "s16le"), ("s32le", "s16le"), ("f32le", "s16le"), ("f32be", "s16le"), ("f64le", "s16le"),
    ("s16le", "mulaw"), ("s16le", "alaw"), ("s16be", "mulaw"), ("s16le", "u8"), ("s16le", "s8"), ("mulaw", "alaw"),
    ("alaw", "mulaw"), ("mulaw", "u8"), ("f32le", "s32le"),
]  # fmt: skip


def pcm(sound):
    return formats()["s16le"].encode(sound.samples)


def heard(data, read_as="s16le"):
    played = np.nan_to_num(formats()[read_as].read(data), nan=0.0, posinf=1.0, neginf=-1.0)
    return formats()["s16le"].read(formats()["s16le"].encode(np.clip(played, -1, 1)))


def narrow(sound):
    return soxr.resample(sound.samples, sound.rate_hz, 8000, quality="HQ")


@pytest.mark.parametrize("name", sorted(formats()))
def test_what_a_format_encodes_it_decodes_again(name):
    samples = (0.25 * RANDOM.standard_normal(500)).astype(np.float32).clip(-0.95, 0.95)
    step = {"u8": 1 / 128, "s8": 1 / 128, "mulaw": 1 / 32, "alaw": 1 / 32}.get(name, 1 / 32768)
    data = formats()[name].encode(samples)
    assert data.size == formats()[name].width * samples.size
    assert np.abs(formats()[name].read(data) - samples).max() <= step
    assert formats()[name].read(data[:-1]).size == samples.size - 1


def test_companding_tables_are_those_of_g711():
    mulaw, alaw = mulaw_table(), alaw_table()
    assert (mulaw[0x00], mulaw[0x80], mulaw[0xFF], mulaw[0x7F]) == (-32124, 32124, 0, 0)
    assert (alaw[0x55], alaw[0xD5], alaw[0x2A], alaw[0xAA]) == (-8, 8, -32256, 32256)
    for table in law_tables().values():
        assert (table[codes_of(table, table)] == table).all()
    assert codes_of(np.array([3]), mulaw) is None


@given(st.binary(min_size=2, max_size=40), st.integers(1, 7))
def test_bytes_shifted_by_bits_are_the_same_bits(data, bits):
    array = np.frombuffer(data, dtype=np.uint8)
    later = np.unpackbits(array)[bits : bits + 8 * (array.size - 1)]
    assert (np.unpackbits(shifted_by_bits(array, bits)) == later).all()


@pytest.mark.parametrize(("right", "read_as"), CONFUSED)
def test_a_format_taken_for_another_is_named(replies, right, read_as):
    named = 0
    for sound in replies.values():
        law = {right, read_as} & set(law_tables())
        samples, rate_hz = (narrow(sound), 8000.0) if law else (sound.samples, sound.rate_hz)
        found = wrong_reading(heard(formats()[right].encode(samples), read_as), rate_hz, reference=samples)
        named += found is not None and (found.right, found.start_s < 0.02) == (right, True)
    assert named >= len(replies) - 1


@settings(max_examples=12, deadline=None, derandomize=True)
@given(share=st.floats(0.2, 0.8), lost=st.booleans())
def test_an_odd_byte_midway_is_placed_to_the_millisecond(reply, share, lost):
    data = pcm(reply)
    place = round(share * data.size)
    bad = np.delete(data, place) if lost else np.insert(data, place, 77)
    found = wrong_reading(heard(bad), reply.rate_hz, reference=reply.samples)
    assert found is not None
    assert (found.kind, found.right, found.end_s) == (ReadingKind.BYTE_OFFSET, "s16le", None)
    assert found.confidence == 0.99
    quiet = np.abs(reply.samples[place // 2 :]) < 0.003
    assert place / 2 / reply.rate_hz - 0.001 <= found.start_s
    assert found.start_s <= (place / 2 + np.argmin(quiet)) / reply.rate_hz + 0.001


def test_each_part_between_odd_bytes_is_counted(reply):
    data = pcm(reply)
    third = data.size // 6 * 2
    bad = np.concatenate((data[:third], data[third + 1 : 2 * third], data[2 * third + 1 :]))
    found = wrong_reading(heard(bad), reply.rate_hz)
    assert found.kind is ReadingKind.BYTE_OFFSET
    assert found.start_s == pytest.approx(third / 2 / reply.rate_hz, abs=0.02)
    assert found.end_s == pytest.approx(2 * third / 2 / reply.rate_hz, abs=0.02)
    assert found.count == 1


def test_floats_cut_within_samples_are_told_from_integers_taken_as_floats(replies):
    for name, sound in replies.items():
        data, size = formats()["f32le"].encode(sound.samples), 4 * round(0.06 * sound.rate_hz) + 1
        chunks = [heard(data[start : start + size], "f32le") for start in range(0, data.size, size)]
        found = wrong_reading(np.concatenate(chunks), sound.rate_hz)
        assert found.kind is ReadingKind.FLOAT_MISALIGNED, name
        integers = np.clip(np.round(sound.samples * 32768), -1, 1)
        found = wrong_reading(heard(formats()["s16le"].encode(integers)), sound.rate_hz)
        assert found.kind is ReadingKind.INTEGERS_AS_FLOAT, name
        assert found.start_s == pytest.approx(np.argmax(integers != 0) / sound.rate_hz, abs=0.05)


@pytest.mark.parametrize("size", [2000, 2001, 9600])
def test_wav_headers_are_counted_with_their_period(reply, size):
    data, parts = pcm(reply), []
    for start in range(0, data.size, size):
        chunk = data[start : start + size].tobytes()
        rate = int(reply.rate_hz)
        layout = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
        parts.append(b"RIFF" + struct.pack("<I", 36 + len(chunk)) + b"WAVEfmt " + layout)
        parts.append(b"data" + struct.pack("<I", len(chunk)) + chunk)
    found = wrong_reading(heard(np.frombuffer(b"".join(parts), dtype=np.uint8)), reply.rate_hz)
    assert (found.kind, found.count, found.start_s) == (ReadingKind.WAV_HEADERS, len(parts) // 2, 0.0)
    assert found.period_s == pytest.approx((size + 44) / 2 / reply.rate_hz, abs=1e-4)


@pytest.mark.parametrize("shift", [0, 1])
def test_text_inside_is_quoted_and_placed(reply, shift):
    text = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"error": {"code": 400, "status": "INVALID"}}\r\n'
    data = pcm(reply)
    place = data.size // 4 * 2 + shift
    bad = np.concatenate((data[:place], np.frombuffer(text, dtype=np.uint8), data[place:]))
    found = wrong_reading(heard(bad), reply.rate_hz)
    assert found.kind is ReadingKind.TEXT
    assert "HTTP/1.1 200 OK" in found.description
    assert found.start_s == pytest.approx(place / 2 / reply.rate_hz, abs=0.001)
    assert found.end_s == pytest.approx((place + len(text)) / 2 / reply.rate_hz, abs=0.001)


def test_base64_is_told_from_base64_that_lost_its_padding(reply):
    data, size = pcm(reply), 3200
    texts = [base64.b64encode(data[start : start + size].tobytes()) for start in range(0, data.size, size)]
    found = wrong_reading(heard(np.frombuffer(b"".join(texts), dtype=np.uint8)), reply.rate_hz)
    assert (found.kind, found.right, found.end_s) == (ReadingKind.BASE64, "base64 of s16le", None)
    joined = b"".join(texts).replace(b"=", b"")
    decoded = base64.b64decode(joined[: len(joined) // 4 * 4])
    found = wrong_reading(heard(np.frombuffer(decoded, dtype=np.uint8)), reply.rate_hz)
    assert found.kind is ReadingKind.BIT_OFFSET


@pytest.mark.parametrize("kind", [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16")])
def test_compressed_files_read_as_samples_are_named(reply, kind):
    buffer = io.BytesIO()
    soundfile.write(buffer, reply.samples, int(reply.rate_hz), format=kind[0], subtype=kind[1])
    found = wrong_reading(heard(np.frombuffer(buffer.getvalue(), dtype=np.uint8)), reply.rate_hz)
    assert found.kind is ReadingKind.COMPRESSED
    assert kind[0].lower() in found.right.lower()


def test_a_wrong_table_of_a_law_is_told_from_the_right_one(reply):
    codes = formats()["alaw"].encode(narrow(reply))
    right, doubled = (table[codes] / np.float32(32768) for table in (alaw_table(), alaw_table(1)))
    assert wrong_reading(right, 8000) is None
    found = wrong_reading(np.clip(doubled, -1, 1), 8000)
    assert (found.kind, found.right) == (ReadingKind.COMPANDING_TABLE, "alaw")


def test_channels_are_told_when_they_are_mixed_up(reply):
    samples = heard(pcm(reply))
    other = np.roll(samples[::-1], samples.size // 3)
    for second in (samples, other):
        found = wrong_reading(np.stack((samples, second), axis=1).reshape(-1), reply.rate_hz)
        assert found.kind is ReadingKind.STEREO_AS_MONO
    silent = wrong_reading(np.stack((samples, 0 * samples), axis=1).reshape(-1), reply.rate_hz)
    assert "two channels" in silent.description
    halved = wrong_reading(samples[: samples.size // 2 * 2].reshape(-1, 2), reply.rate_hz)
    assert halved.kind is ReadingKind.MONO_AS_STEREO
    assert wrong_reading(np.stack((samples, other), axis=1), reply.rate_hz) is None
    assert wrong_reading(np.stack((samples, samples), axis=1), reply.rate_hz) is None


def test_float_files_keep_the_bytes_of_whole_samples(reply):
    data = formats()["f32le"].encode(np.asarray(reply.samples * np.float32(0.7)))
    late = np.nan_to_num(formats()["f32le"].read(data, 2), nan=0.0, posinf=0.0, neginf=0.0)
    found = wrong_reading(late, reply.rate_hz, "f32le")
    assert (found.read_as, found.right) == ("f32le", "f32le")
    assert found.kind is ReadingKind.FLOAT_MISALIGNED
    integers = np.round(reply.samples * 32768)
    assert wrong_reading(integers, reply.rate_hz, "f32le").kind is ReadingKind.INTEGERS_AS_FLOAT


HEALTHY = {
    "as it is": lambda s: (s.samples, s.rate_hz),
    "16 bit": lambda s: (heard(pcm(s)), s.rate_hz),
    "8 kHz": lambda s: (heard(formats()["s16le"].encode(narrow(s))), 8000),
    "mulaw": lambda s: (formats()["mulaw"].read(formats()["mulaw"].encode(narrow(s))), 8000),
    "alaw": lambda s: (formats()["alaw"].read(formats()["alaw"].encode(narrow(s))), 8000),
    "u8": lambda s: (formats()["u8"].read(formats()["u8"].encode(narrow(s))), 8000),
    "loud": lambda s: (heard(formats()["s16le"].encode(s.samples / np.abs(s.samples).max())), s.rate_hz),
    "clipped": lambda s: (heard(formats()["s16le"].encode(20 * s.samples)), s.rate_hz),
    "noise": lambda s: (heard(formats()["s16le"].encode(0.2 * np.random.default_rng(1).standard_normal(48000))), 24000),
    "hiss": lambda s: (heard(formats()["s16le"].encode(0.1 * np.diff(np.random.default_rng(1).standard_normal(48000)))),
                       24000),
    "silence": lambda s: (np.zeros(24000, dtype=np.float32), 24000),
    "steady": lambda s: (np.full(24000, 0.25, dtype=np.float32), 24000),
    "tone": lambda s: (np.sin(np.arange(48000) * 0.9).astype(np.float32), 24000),
    "short": lambda s: (s.samples[:5], s.rate_hz),
    "none": lambda s: (s.samples[:0], s.rate_hz),
}  # fmt: skip


@pytest.mark.parametrize("made", sorted(HEALTHY))
def test_healthy_sound_has_no_other_reading(replies, made):
    for name, sound in {**replies, "made": made_voice()}.items():
        samples, rate_hz = HEALTHY[made](sound)
        assert wrong_reading(np.asarray(samples, dtype=np.float32), rate_hz) is None, name


def test_a_healthy_minute_costs_little(replies):
    import time

    minute = np.resize(np.concatenate([sound.samples for sound in replies.values()]), 60 * 24000)
    took_s = []
    for _ in range(5):
        start_s = time.process_time()
        assert wrong_reading(minute, 24000) is None
        took_s.append(time.process_time() - start_s)
    assert min(took_s) < 0.05


@pytest.mark.parametrize("level", [0.02, 0.1])
def test_integers_taken_as_floats_are_named_in_noise(replies, level):
    sound = replies["hearing_you_well"]
    half = sound.samples.size // 2
    full = sound.samples.copy()
    full[half:] = np.clip(np.round(full[half:] * 32768), -1, 1)
    noise = level * np.random.default_rng(7).standard_normal(full.size)
    found = wrong_reading(np.clip(full + noise, -1, 1).astype(np.float32), sound.rate_hz)
    assert found.kind is ReadingKind.INTEGERS_AS_FLOAT
    assert found.start_s == pytest.approx(half / sound.rate_hz, abs=0.3)


def test_clipped_speech_is_not_taken_for_integers_as_floats(replies):
    for name, sound in replies.items():
        limit = 10 ** (-24 / 20) * float(np.abs(sound.samples).max())
        clipped = np.clip(sound.samples, -limit, limit) / limit
        noise = 0.02 * np.random.default_rng(7).standard_normal(clipped.size)
        assert wrong_reading(np.clip(clipped + noise, -1, 1).astype(np.float32), sound.rate_hz) is None, name
