"""Profiles of voices that a speech service speaks: the real SDK over TLS, against the emulator."""

from __future__ import annotations

import io
import json
import wave

import numpy as np
import pytest

from diag.api.speech_defaults import SENTENCES, SPEECH_MODEL
from diag.api.voice import clip_of_speech, load_voice, read_sentences, save_voice, speak_voice
from diag.core.errors import BadInputError, CannotMeasureError
from diag.dsp.profile import OTHER_VOICE_DB, voice_distance_db
from diag.dsp.spectrum import sound_of
from diag.emulator.embedded import EmbeddedEmulator
from diag.files.audio_files import read_wav
from diag.files.voice_profiles import SAMPLE_S, sample_of
from diag.record.live.genai import Endpoint, speak


@pytest.fixture(scope="module")
def emulator():
    with EmbeddedEmulator() as running:
        yield running


@pytest.fixture
def address(emulator, monkeypatch):
    """The URL of an emulated service with some faults, as `--endpoint` takes it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(emulator.ca_file))
    return lambda *faults: emulator.register({"faults": list(faults)})


def asked(emulator, *faults, voice="Kore", model=SPEECH_MODEL, text=SENTENCES[0]):
    endpoint = Endpoint(
        kind="emulator", base_url=emulator.register({"faults": list(faults)}), ca_file=str(emulator.ca_file)
    )
    return speak(endpoint, model=model, voice=voice, text=text)


@pytest.fixture(scope="module")
def kore(emulator):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(emulator.ca_file))
        return speak_voice("Kore", endpoint=emulator.register({}))


def test_a_profile_says_who_spoke_it_and_keeps_a_sample(kore, tmp_path):
    assert kore.profile.name == "Kore"
    assert (kore.profile.source.voice, kore.profile.source.model) == ("Kore", SPEECH_MODEL)
    assert kore.left_out == ()
    assert kore.profile.duration_s >= 30
    again = load_voice(save_voice(kore.profile, tmp_path / "kore.voice.json"))
    assert again.source == kore.profile.source
    assert kore.profile.distance_spread_db < OTHER_VOICE_DB / 2
    assert again.distance_spread_db == pytest.approx(kore.profile.distance_spread_db, abs=0.01)
    assert again.pitch_octaves == pytest.approx(kore.profile.pitch_octaves, abs=0.001)
    clip = sample_of(again)
    assert (clip.duration_s, clip.sample_rate_hz) == (SAMPLE_S, 24000)


def test_a_live_session_with_that_voice_fits_it_and_another_does_not(kore, scenarios):
    for name, fits in (("say_it_again_high", True), ("say_it_again_low", False)):
        clip = read_wav(scenarios / "replies" / "named" / f"{name}.flac")
        distance_db = voice_distance_db(kore.profile, sound_of(clip.samples, clip.sample_rate_hz))
        assert (distance_db <= OTHER_VOICE_DB) is fits


@pytest.mark.parametrize("form", ["wav", "wav_as_pcm"])
def test_the_header_of_a_whole_wav_is_no_part_of_the_sound(emulator, form):
    raw = asked(emulator, model="gemini-2.5-pro-preview-tts")
    whole = asked(emulator, {"kind": "speech_answer", "form": form}, model="gemini-2.5-pro-preview-tts")
    assert (raw.data[:4] == b"RIFF", whole.data[:4] == b"RIFF") == (False, True)
    plain, stripped = (clip_of_speech(spoken.data, spoken.mime_type, "Kore") for spoken in (raw, whole))
    assert np.array_equal(plain.samples, stripped.samples)
    assert (plain.sample_rate_hz, stripped.sample_rate_hz) == (24000, 24000)


def test_the_header_decides_the_rate_and_the_channels_of_a_whole_wav():
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(48000)
        writer.writeframes(np.tile(np.array([[1000, -1000]], "<i2"), (480, 1)).tobytes())
    clip = clip_of_speech(buffer.getvalue(), "audio/L16;codec=pcm;rate=24000", "Kore")
    assert (clip.sample_rate_hz, clip.channels, clip.frames) == (48000, 1, 480)
    assert clip.samples[0] == pytest.approx(1000 / 32768)


@pytest.mark.parametrize(
    ("data", "mime_type", "rate_hz", "frames"),
    [
        (b"\0\0" * 10, "audio/L16;codec=pcm;rate=16000", 16000, 10),
        (b"\0\0" * 10 + b"\1", "audio/L16", 24000, 10),
        (b"", "", 24000, 0),
    ],
)
def test_raw_pcm_has_the_rate_of_its_mime_type(data, mime_type, rate_hz, frames):
    clip = clip_of_speech(data, mime_type, "Kore")
    assert (clip.sample_rate_hz, clip.frames) == (rate_hz, frames)


def test_a_broken_wav_is_refused_in_one_sentence():
    with pytest.raises(CannotMeasureError, match="begin like a WAV file and are none"):
        clip_of_speech(b"RIFF\x10\0\0\0WAVEjunk", "audio/wav", "Kore")


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"kind": "speech_answer", "form": "blocked"}, "an answer without audio: it ended with OTHER"),
        ({"kind": "speech_answer", "form": "text"}, "an answer without audio: text came instead"),
        ({"kind": "speech_answer", "form": "status", "status": 400}, "HTTP 400: Request contains an invalid argument"),
        ({"kind": "speech_answer", "form": "status", "status": 403}, "HTTP 403"),
    ],
)
def test_a_refusal_is_one_sentence(emulator, fault, word):
    with pytest.raises(CannotMeasureError, match=word) as caught:
        asked(emulator, fault)
    assert "\n" not in str(caught.value)
    assert "Could not get the voice Kore" in str(caught.value)


@pytest.mark.parametrize(
    ("asked_for", "word"),
    [
        ({"voice": "Korre"}, "Voice name Korre is not supported"),
        ({"model": "gemini-3.8-live"}, "HTTP 404"),
    ],
)
def test_a_wrong_name_is_told_in_the_words_of_the_service(emulator, asked_for, word):
    with pytest.raises(CannotMeasureError, match=word):
        asked(emulator, **asked_for)


def test_nobody_listens():
    endpoint = Endpoint(kind="url", base_url="https://127.0.0.1:9")
    with pytest.raises(CannotMeasureError, match="was not reached"):
        speak(endpoint, model=SPEECH_MODEL, voice="Kore", text="hello")


def test_without_a_key_the_real_service_is_not_asked(monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with pytest.raises(CannotMeasureError, match="no key"):
        speak_voice("Kore", endpoint="gemini")


def test_too_few_sentences_are_too_little_speech(address):
    with pytest.raises(BadInputError, match="at least 8 s"):
        speak_voice("Puck", endpoint=address(), sentences=SENTENCES[:1])


def test_sentences_are_read_one_a_line(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("One sentence.\n\n  또 하나.  \n", encoding="utf-8")
    assert read_sentences(path) == ("One sentence.", "또 하나.")
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(BadInputError, match="0 sentences"):
        read_sentences(path)
    with pytest.raises(BadInputError, match="No such file"):
        read_sentences(tmp_path / "none.txt")


def test_no_key_is_in_a_profile(kore, tmp_path):
    document = json.loads(save_voice(kore.profile, tmp_path / "k.voice.json").read_text())
    assert set(document["source"]) == {"voice", "model", "endpoint", "made"}
