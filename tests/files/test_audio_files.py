"""Files of every kind: read as they are, or refused in one sentence."""

import os
import shutil
import struct
import subprocess
import sys
import types

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.core.errors import BadInputError
from diag.dsp.byte_formats import formats
from diag.dsp.bytes_inside import layer3_frame_bytes
from diag.files.audio_files import open_raw, open_wav, read_raw, read_wav
from diag.files.mp3_length import states_its_length, with_length
from diag.files.wav_header import read_wav_header

RATE_HZ = 16000
TONE = (0.4 * np.sin(np.arange(RATE_HZ // 2) / 9.0)).astype(np.float32)
PCM = formats()["s16le"].encode(TONE).tobytes()


def wav(data, *, tag=1, bits=16, channels=1, riff=None, announced=None, between=b""):
    """A WAV file by hand, with lengths as they are or as they are given."""
    layout = struct.pack("<HHIIHH", tag, channels, RATE_HZ, RATE_HZ * channels * bits // 8, channels * bits // 8, bits)
    head = b"WAVEfmt " + struct.pack("<I", 16) + layout + between + b"data"
    announced = len(data) if announced is None else announced
    riff = len(head) + 4 + len(data) if riff is None else riff
    return b"RIFF" + struct.pack("<I", riff) + head + struct.pack("<I", announced) + data


def written(tmp_path, data, name="mine.wav"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def refusal(call, *arguments):
    with pytest.raises(BadInputError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(("riff", "announced"), [(0, 0), (36, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0),
                                                 (0x7FFFFFFF, 0x7FFFFFDB), (0x7FFFF024, 0x7FFFF000),
                                                 (0, 0xFFFFFFFF)])  # fmt: skip
@pytest.mark.parametrize("between", [b"", b"LIST" + struct.pack("<I", 6) + b"INFOab"])
def test_a_wav_file_from_a_pipe_is_read_to_its_end(tmp_path, riff, announced, between):
    audio = open_wav(written(tmp_path, wav(PCM, riff=riff, announced=announced, between=between)))
    assert (audio.frames, audio.sample_rate_hz, audio.channels) == (TONE.size, RATE_HZ, 1)
    assert "does not say how long" in audio.note
    assert np.abs(audio.part(0, audio.frames) - TONE).max() < 1e-4
    assert (audio.part(100, 200) == audio.part(0, audio.frames)[100:200]).all()


@pytest.mark.parametrize(("name", "tag", "bits"), [("u8", 1, 8), ("s24le", 1, 24), ("s32le", 1, 32), ("f32le", 3, 32),
                                                   ("f64le", 3, 64), ("alaw", 6, 8), ("mulaw", 7, 8)])  # fmt: skip
def test_an_open_ended_wav_file_may_hold_any_format(tmp_path, name, tag, bits):
    stereo = np.stack((TONE, -TONE), axis=1).reshape(-1)
    data = formats()[name].encode(stereo).tobytes()
    path = written(tmp_path, wav(data + b"\0", tag=tag, bits=bits, channels=2, riff=0xFFFFFFFF, announced=0xFFFFFFFF))
    audio = open_wav(path)
    assert (audio.frames, audio.channels, audio.sample_format) == (TONE.size, 2, name)
    assert np.abs(audio.part(0, audio.frames)[:, 1] + TONE).max() < 0.03


@pytest.mark.parametrize("mark", [b"OggS", b"wvpk"])
def test_samples_may_begin_with_the_marks_of_packed_audio(tmp_path, mark):
    audio = open_wav(written(tmp_path, wav(mark + PCM, between=b"") + b"LIST\4\0\0\0tail"))
    assert (audio.frames, audio.note) == (TONE.size + 2, "")
    assert np.abs(audio.part(2, audio.frames) - TONE).max() < 1e-4


def test_a_whole_wav_file_needs_no_note_and_a_cut_one_is_refused(tmp_path):
    assert open_wav(written(tmp_path, wav(PCM))).note == ""
    assert "cut off: its header announces 16000 bytes of audio, 956" in refusal(
        open_wav, written(tmp_path, wav(PCM)[:1000])
    )
    assert "cut off: the header ends before any audio" in refusal(open_wav, written(tmp_path, wav(PCM)[:30]))
    assert "0 frames" in refusal(open_wav, written(tmp_path, wav(b"")))
    assert "0 frames" in refusal(open_wav, written(tmp_path, wav(b"", riff=0xFFFFFFFF, announced=0xFFFFFFFF)))


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=120), cut=st.integers(0, 60))
def test_any_bytes_after_riff_are_read_or_refused(tmp_path_factory, data, cut):
    path = tmp_path_factory.mktemp("any") / "mine.wav"
    path.write_bytes(wav(data)[:cut] + data)
    header = read_wav_header(path, path.stat().st_size)
    assert header is None or header.present_bytes <= path.stat().st_size
    try:
        audio = open_wav(path)
    except BadInputError:
        return
    assert audio.part(0, audio.frames).shape[0] == audio.frames


@pytest.mark.parametrize("name", sorted(formats()))
def test_raw_reads_every_format(tmp_path, name):
    path = written(tmp_path, formats()[name].encode(TONE).tobytes(), "mine.raw")
    clip = read_raw(path, f"{name}:8000")
    assert (clip.sample_rate_hz, clip.frames) == (8000, TONE.size)
    assert np.abs(clip.samples - TONE).max() < 0.03
    audio = open_raw(path, f"{name}:8000")
    assert (audio.part(50, 60) == clip.samples[50:60]).all()
    assert audio.sample_format == name


def test_raw_names_its_formats_and_checks_the_size(tmp_path):
    path = written(tmp_path, PCM + b"\0", "mine.raw")
    assert "mulaw" in refusal(open_raw, path, "ulaw:8000")
    assert "not a whole number of 2-byte frames" in refusal(open_raw, path, "s16le:16000")
    sentence = refusal(open_raw, path, "s16le:3")
    assert "1 channel at 3 Hz" in sentence
    assert "--raw" in sentence


@pytest.mark.parametrize("rate_hz", [11025, 16000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_file_without_its_length_is_read_whole(tmp_path, rate_hz, channels):
    path = tmp_path / "mine.mp3"
    samples = np.tile(TONE * np.linspace(0.01, 1, TONE.size, dtype=np.float32), 12)
    shaped = samples if channels == 1 else np.stack((samples, -samples), axis=1)
    soundfile.write(path, shaped, rate_hz, format="MP3", subtype="MPEG_LAYER_III")
    data = path.read_bytes()
    whole = read_wav(path)
    assert states_its_length(data)
    # LAME puts the length of the whole into the first frame.
    bare = data[layer3_frame_bytes(data, 0) :]
    assert not states_its_length(bare)
    for before in (b"", b"ID3\x04\0\0\0\0\0\x14" + bytes(20)):
        path.write_bytes(before + bare)
        read = read_wav(path)
        frame = 1152 if rate_hz > 24000 else 576
        assert 0 <= read.frames - whole.frames <= 4 * frame
        assert open_wav(path).part(3000, 4000).shape[0] == 1000
        level = np.abs(read.samples.reshape(read.frames, -1)[:, 0])
        assert level[-4 * frame - 2000 :].max() > 0.3


def test_bytes_without_an_mp3_frame_get_no_length():
    assert with_length(b"no frame at all") == b"no frame at all"


def test_integers_in_a_float_file_are_brought_to_full_scale_and_named(tmp_path):
    path = tmp_path / "mine.wav"
    integers = np.round(TONE * 32768)
    soundfile.write(path, integers, RATE_HZ, subtype="FLOAT")
    audio = open_wav(path)
    assert "not divided by 32768" in audio.note
    assert np.abs(audio.part(0, audio.frames) - TONE).max() < 1e-4
    for usual in (TONE, 20 * TONE, np.sign(TONE), np.zeros_like(TONE), integers * 4):
        soundfile.write(path, usual, RATE_HZ, subtype="FLOAT")
        audio = open_wav(path)
        assert audio.note == ""
        assert (audio.part(0, audio.frames) == usual.astype(np.float32)).all()


def test_the_command_for_headerless_files_works(tmp_path):
    path = written(tmp_path, PCM, "mine.pcm")
    sentence = refusal(open_wav, path)
    command = sentence.split("make a WAV of it: `")[1].split("`")[0]
    assert command == "ffmpeg -f s16le -ar 24000 -ac 1 -i mine.pcm fixed.wav"
    assert "`--raw s16le:24000`" in sentence
    if shutil.which("ffmpeg"):
        subprocess.run([*command.split(), "-v", "error"], cwd=tmp_path, check=True)
        assert read_wav(tmp_path / "fixed.wav").frames == TONE.size


EBML = b"\x1a\x45\xdf\xa3" + bytes(60)


CONTAINERS = {
    "WebM or Matroska": EBML,
    "MP4 or M4A": b"\0\0\0\x20ftypM4A " + bytes(60),
    "AAC": b"\xff\xf1\x50\x80\0\0\0" + bytes(60),
    "AMR": b"#!AMR\n" + bytes(60),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_without_a_decoder_says_what_to_install(tmp_path, monkeypatch, name):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    sentence = refusal(open_wav, written(tmp_path, CONTAINERS[name], "mine.webm"))
    assert f"{name} file" in sentence
    assert "neither the ffmpeg program nor the Python package av" in sentence
    assert "install ffmpeg" in sentence


def stand_in(tmp_path, monkeypatch, body):
    """A program called ffmpeg, first on the path."""
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_container_is_decoded_by_ffmpeg_and_says_so(tmp_path, monkeypatch):
    stereo = formats()["f32le"].encode(np.stack((TONE, -TONE), axis=1).reshape(-1)).tobytes()
    decoded = wav(stereo, tag=3, bits=32, channels=2, riff=0xFFFFFFFF, announced=0xFFFFFFFF)
    written(tmp_path, decoded, "decoded.bin")
    body = (
        "assert sys.argv[sys.argv.index('-i') + 1].startswith('file:')\n"
        f"sys.stdout.buffer.write(open({str(tmp_path / 'decoded.bin')!r}, 'rb').read())"
    )
    stand_in(tmp_path, monkeypatch, body)
    audio = open_wav(written(tmp_path, EBML, "-mine.webm"))
    assert (audio.frames, audio.channels, audio.sample_rate_hz) == (TONE.size, 2, RATE_HZ)
    assert audio.note == "decoded from WebM or Matroska by ffmpeg"
    assert (audio.part(10, 30)[:, 1] == -TONE[10:30]).all()


def test_what_ffmpeg_says_of_a_broken_container_is_quoted(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "sys.stderr.write('first\\nmoov atom not found\\n')\nsys.exit(1)")
    sentence = refusal(open_wav, written(tmp_path, EBML, "mine.webm"))
    assert "cannot be decoded (ffmpeg: moov atom not found)" in sentence


def test_a_container_is_decoded_by_pyav_where_there_is_no_ffmpeg(tmp_path, monkeypatch):
    class Frame:
        sample_rate, samples = RATE_HZ, TONE.size // 2

        def __init__(self, samples):
            self._samples = samples

        def to_ndarray(self):
            return self._samples[None]

    class Container:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def decode(self, audio):
            return [Frame(TONE[: TONE.size // 2]), Frame(TONE[TONE.size // 2 :])]

    class Resampler:
        def __init__(self, format):
            assert format == "fltp"

        def resample(self, frame):
            return [] if frame is None else [frame]

    fake = types.SimpleNamespace(open=lambda path: Container(), AudioResampler=Resampler, FFmpegError=OSError)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "av", fake)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    audio = open_wav(written(tmp_path, EBML, "mine.webm"))
    assert audio.note == "decoded from WebM or Matroska by PyAV"
    assert (audio.part(0, audio.frames) == TONE).all()
