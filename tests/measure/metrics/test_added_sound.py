"""What a segment adds: known sounds of known level are read back, each by its own measure."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from builders import resampled, speech

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import MissingCode
from diag.core.results import SoundEvent, Spot
from diag.dsp.added_sound import AddedNoise, Hum, Tone
from diag.dsp.additions import NOTHING_DB, Additions
from diag.dsp.copies import COPY_WARN_DB, Copy, Room
from diag.dsp.distortion import Distortion, Kind
from diag.dsp.level_change import LevelChange, LevelStep
from diag.dsp.mirrored import Mirrored
from diag.dsp.tone_colour import ToneChange
from diag.files.audio_files import read_wav
from diag.files.prompts import find_prompt
from diag.files.rooms import PATHS, ROOM_RATE_HZ, read_responses, rooms_by_name
from diag.measure.metrics import added_sound
from diag.measure.metrics.added_sound import DISTORTION_HIDDEN, EXPLAINED
from diag.measure.reasons import TOO_LITTLE

RATE_HZ = 24000
VOICE = speech(4.0, 5, RATE_HZ)
TIME_S = np.arange(VOICE.size) / RATE_HZ
SPEECH_DB = 10 * np.log10(np.mean(VOICE**2))
NOISE = np.random.default_rng(1).standard_normal(VOICE.size)


def clip(samples, rate_hz=RATE_HZ):
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=rate_hz)


REFERENCE = clip(VOICE)


def at_db(level_db):
    """Amplitude of a signal of RMS 1 that lies so many dB above the voice."""
    return 10 ** ((SPEECH_DB + level_db) / 20)


@cache
def added(what):
    change = {
        "nothing": lambda: 0.5 * VOICE,
        "noise": lambda: VOICE + at_db(-20) * NOISE,
        "hum": lambda: VOICE + at_db(-20) * np.sqrt(2) * np.sin(2 * np.pi * 50 * TIME_S),
        "tone": lambda: VOICE + at_db(-20) * np.sqrt(2) * np.sin(2 * np.pi * 7000 * TIME_S) * (TIME_S > 2.0),
        "direct current": lambda: VOICE + 0.02,
        "distortion": lambda: np.clip(6.0 * VOICE, -0.5, 0.5),
        "copy": lambda: VOICE + 0.5 * np.roll(VOICE, round(0.15 * RATE_HZ)),
        "level step": lambda: VOICE * np.where(TIME_S < 2.0, 1.0, 0.25),
    }[what]()
    return clip(change)


def read(name, what):
    return getattr(added_sound, name)(REFERENCE, added(what))


LEVELS = ("added_noise", "added_hum", "added_tone", "distortion", "aliasing", "second_copy", "reverberation")


@pytest.mark.parametrize("name", LEVELS)
def test_a_segment_that_only_turns_the_volume_down_adds_nothing(name):
    assert read(name, "nothing").value < -60.0
    assert read(name, "nothing").events == ()


def test_the_change_of_level_is_the_gain():
    assert read("level_change", "nothing").value == pytest.approx(-6.02, abs=0.1)


@pytest.mark.parametrize("what", ["noise", "hum", "tone"])
def test_added_sound_is_read_at_its_level(what):
    assert read(f"added_{what}", what).value == pytest.approx(-20.0, abs=3.0)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("added_hum", "noise"), ("added_tone", "noise"), ("second_copy", "noise"),
        ("added_hum", "tone"), ("added_tone", "hum"), ("second_copy", "tone"),
    ],
)  # fmt: skip
def test_one_kind_is_not_taken_for_another(name, what):
    assert read(name, what).value < -45.0


def test_a_tone_is_named_with_its_place_in_both_clips():
    (event,) = read("added_tone", "tone").events
    assert event.kind == "tone of 7000 Hz"
    assert event.estimated_s == pytest.approx(2.0, abs=0.1)
    assert event.reference_s == pytest.approx(event.estimated_s, abs=0.01)
    assert event.duration_s == pytest.approx(2.0, abs=0.15)


def test_the_place_of_a_tone_in_the_reference_leaves_out_what_was_put_in_before():
    late = np.concatenate((VOICE[:30000], np.zeros(12000), VOICE[30000:]))
    time_s = np.arange(late.size) / RATE_HZ
    late += at_db(-20) * np.sqrt(2) * np.sin(2 * np.pi * 7000 * time_s) * (time_s > 2.5)
    (event,) = added_sound.added_tone(REFERENCE, clip(late)).events
    assert event.estimated_s == pytest.approx(2.5, abs=0.1)
    assert event.reference_s == pytest.approx(event.estimated_s - 0.5, abs=0.02)


def test_direct_current_is_read_in_dbfs():
    assert read("added_dc", "direct current").value == pytest.approx(20 * np.log10(0.02), abs=1.5)
    assert read("added_dc", "nothing").value < -60.0


@pytest.mark.parametrize(("noise_db", "hidden"), [(-14.0, False), (-6.0, True)])
def test_distortion_is_not_called_absent_where_another_error_could_hide_it(noise_db, hidden):
    """In each loud frame the error is as far below the voice, as that of a codec, with its spectrum."""
    shape = np.convolve(NOISE, np.ones(6) / np.sqrt(6), mode="same")
    error = np.sqrt(np.convolve(VOICE**2, np.ones(480) / 480, mode="same")) * shape * 10 ** (noise_db / 20)
    reading = added_sound.distortion(REFERENCE, clip(VOICE + error))
    assert (reading.missing == added_sound.DISTORTION_HIDDEN) is hidden
    assert (reading.value == NOTHING_DB) is not hidden


def test_clipping_is_distortion():
    reading = read("distortion", "distortion")
    assert reading.value > -25.0
    assert len(reading.events) == 1


def test_a_second_copy_is_named_with_its_delay():
    reading = read("second_copy", "copy")
    assert reading.value == pytest.approx(-6.0, abs=1.5)
    assert reading.events[0].duration_s == pytest.approx(0.15, abs=0.002)


def test_a_step_of_level_is_named_with_its_place_and_size():
    reading = read("level_change", "level step")
    (event,) = reading.events
    assert event.kind == "level step"
    assert event.level_db == pytest.approx(-12.0, abs=1.0)
    assert event.estimated_s == pytest.approx(2.0, abs=0.15)
    assert abs(reading.value) == pytest.approx(12.0, abs=1.0)


NAMES = ("level_change", *LEVELS, "added_dc")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_copy_or_has_the_wrong_speed_is_not_measured(name):
    other = getattr(added_sound, name)(REFERENCE, clip(speech(4.0, 77, RATE_HZ)))
    assert (other.value, other.missing.code) == (None, MissingCode.NO_MATCH)
    slow = getattr(added_sound, name)(REFERENCE, clip(VOICE, 16000))
    assert (slow.value, slow.missing.code) == (None, MissingCode.WRONG_SPEED)


def test_nothing_found_reads_far_below_what_is_heard():
    assert NOTHING_DB < -96.0


@pytest.mark.parametrize("name", ["aliasing", "second_copy", "reverberation", "added_hum", "distortion"])
def test_too_little_sound_is_not_measured_instead_of_clear(name):
    short = speech(0.38, 5, RATE_HZ)
    doubled = short + 0.9 * np.concatenate([np.zeros(960), short])[: short.size]
    found = getattr(added_sound, name)(clip(short), clip(doubled))
    assert found.value is None
    assert found.missing.code is MissingCode.TOO_SHORT


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 2 * RATE_HZ])
@pytest.mark.parametrize("late", [0, 500])
def test_a_long_copy_of_a_noisy_reference_adds_nothing_and_a_noisier_one_does(rate_hz, late):
    noisy = speech(6.0, 5, RATE_HZ)
    noisy = noisy + 0.02 * np.random.default_rng(2).standard_normal(noisy.size).astype(np.float32)
    reference = clip(noisy)
    own = np.concatenate(
        (np.zeros(late), 0.5 * resampled(noisy, RATE_HZ, rate_hz) if rate_hz != RATE_HZ else 0.5 * noisy)
    )
    assert added_sound.added_noise(reference, clip(own, rate_hz)).value <= (NOTHING_DB if rate_hz == RATE_HZ else -55.0)
    louder = own + 0.02 * np.random.default_rng(3).standard_normal(own.size)
    assert added_sound.added_noise(reference, clip(louder, rate_hz)).value > -40.0


def test_the_near_reflections_of_a_headset_are_no_second_copy():
    room = rooms_by_name()["headset"]
    prompt = read_wav(find_prompt("can_you_hear_me").path)
    spoken = np.pad(prompt.samples, prompt.sample_rate_hz // 2)
    response = read_responses(room.path)[:, PATHS.index("mouth_to_microphone")]
    response = resampled(response, ROOM_RATE_HZ, prompt.sample_rate_hz) * ROOM_RATE_HZ / prompt.sample_rate_hz
    captured = np.convolve(spoken, response)[: spoken.size]
    captured += 10 ** (room.noise_dbfs / 20) * np.random.default_rng(0).standard_normal(spoken.size)
    read_back = added_sound.second_copy(clip(spoken, prompt.sample_rate_hz), clip(captured, prompt.sample_rate_hz))
    assert read_back.value < COPY_WARN_DB


def test_a_comb_filter_is_named_by_its_delay():
    late = np.concatenate([np.zeros(96), VOICE])[: VOICE.size]
    found = added_sound.tone_change(REFERENCE, clip(0.5 * (VOICE + 0.8 * late)))
    (event,) = found.events
    assert event.kind == added_sound.COMB
    assert event.duration_s == pytest.approx(0.004, abs=0.0003)
    assert found.value == event.level_db < -7.0


@pytest.mark.parametrize(("filtered", "least", "most"), [(False, -45.0, 0.0), (True, NOTHING_DB, -60.0)])
def test_aliases_are_found_where_the_output_has_a_lower_rate(filtered, least, most):
    """What is mirrored lies above half of the output's rate, so only the input at its own rate shows it."""
    bright = np.diff(speech(4.0, 5, 48000), prepend=np.float32(0.0))
    bright = bright / np.abs(bright).max() / 2
    half = resampled(bright, 48000, 16000) if filtered else bright[::3]
    found = added_sound.aliasing(clip(bright, 48000), clip(half, 16000))
    assert least <= found.value <= most


# --- what is told of additions that are given


NOTHING = Additions(
    level=LevelChange(-1.0, (), 0.5, -20.0, near_silent=False), noise=AddedNoise(-80.0, 60.0, -50.0), dc_dbfs=-90.0,
    hum=None, tones=(), distortion=Distortion(-100.0, Kind.NONE, None), aliasing=None, images_about=(), copy=None,
    room=None, tone=ToneChange(0.0, 400.0, 400.0),
)  # fmt: skip


@pytest.fixture
def reading(monkeypatch):
    """What a measure tells of additions that differ from nothing; times of the input are two seconds less."""

    def tell(name, **parts):
        monkeypatch.setattr(added_sound, "additions", lambda *_: replace(NOTHING, **parts))
        monkeypatch.setattr(added_sound, "input_time_s", lambda _reference, _estimated, at_s: at_s - 2.0)
        return getattr(added_sound, name)(REFERENCE, REFERENCE)

    return tell


def steps(*changes):
    return tuple(LevelStep(3.0 + n, 3.25 + n, change_db, sudden=n == 0) for n, change_db in enumerate(changes))


@pytest.mark.parametrize(
    ("change_db", "changes", "value"),
    [(-3.0, (), -3.0), (-3.0, (2.0,), -3.0), (-3.0, (2.0, -9.0), -9.0), (1.0, (12.0, -9.0), 12.0)],
)
def test_the_largest_change_of_level_counts(reading, change_db, changes, value):
    found = reading("level_change", level=LevelChange(change_db, steps(*changes), 0.0, -20.0, near_silent=False))
    assert found.value == value
    kinds = ("level step", "level fade")
    assert found.events == tuple(
        SoundEvent(kind=kinds[n], reference_s=1.0 + n, estimated_s=3.0 + n, duration_s=0.25, level_db=size_db)
        for n, size_db in enumerate(changes)
    )
    assert found.spots == tuple(Spot(Tap.HEARD, 2.5 + n, 3.75 + n) for n in range(len(changes)))


def test_nobody_listens_before_the_beginning(reading):
    early = (LevelStep(0.25, 0.5, 9.0, sudden=True),)
    found = reading("level_change", level=LevelChange(0.0, early, 0.0, -20.0, near_silent=False))
    assert found.spots == (Spot(Tap.HEARD, 0.0, 1.0),)


@pytest.mark.parametrize(
    ("pumping_db", "room", "value"),
    [(4.0, None, 4.0), (4.1, None, 4.1), (4.0, Room(-5.0, 0.3), 4.0), (4.1, Room(-5.0, 0.3), None)],
)
def test_pumping_that_a_room_explains_is_not_measured(reading, pumping_db, room, value):
    found = reading("level_pumping", level=LevelChange(0.0, (), pumping_db, -20.0, near_silent=False), room=room)
    assert (found.value, found.missing) == (value, EXPLAINED if value is None else None)


@pytest.mark.parametrize(
    ("change_db", "kinds"), [(6.9, []), (7.0, ["from 0.8 to 1.3 kHz"]), (-7.0, ["from 0.8 to 1.3 kHz"])]
)
def test_a_change_of_tone_colour_names_its_band(reading, change_db, kinds):
    found = reading("tone_change", tone=ToneChange(change_db, 800.0, 1260.0))
    assert found.value == change_db
    assert [event.kind for event in found.events] == kinds
    assert all(event.level_db == change_db and event.duration_s == 0.0 for event in found.events)


@pytest.mark.parametrize(
    ("snr_db", "room", "value"),
    [(30.0, None, -30.0), (29.9, None, -29.9), (30.0, Room(-5.0, 0.3), -30.0), (29.9, Room(-5.0, 0.3), None)],
)
def test_noise_that_reverberation_explains_is_not_measured(reading, snr_db, room, value):
    found = reading("added_noise", noise=AddedNoise(-50.0, snr_db, -30.0), room=room)
    assert (found.value, found.missing) == (value, EXPLAINED if value is None else None)


def test_the_loudest_tone_is_the_value_and_each_is_named_with_its_place(reading):
    tones = (Tone(440.4, -30.0, -12.0, 3.0, 3.5, 2), Tone(1000.0, -40.0, -22.0, 0.0, 1.0, 1))
    found = reading("added_tone", tones=tones)
    assert found.value == -12.0
    assert found.events == (
        SoundEvent(kind="tone of 440 Hz", reference_s=1.0, estimated_s=3.0, duration_s=0.5, level_db=-30.0, count=2),
        SoundEvent(kind="tone of 1000 Hz", reference_s=-2.0, estimated_s=0.0, duration_s=1.0, level_db=-40.0, count=1),
    )
    assert found.spots == (Spot(Tap.HEARD, 3.0, 3.5), Spot(Tap.HEARD, 0.0, 1.0))


@pytest.mark.parametrize(
    ("name", "parts", "value"),
    [
        ("added_hum", {"hum": Hum(50.0, -60.0, -33.0)}, -33.0),
        ("added_hum", {}, NOTHING_DB),
        ("added_tone", {}, NOTHING_DB),
        ("added_dc", {"dc_dbfs": -31.5}, -31.5),
        ("aliasing", {}, NOTHING_DB),
        ("aliasing", {"aliasing": Mirrored(8000.0, -20.0, -6.0, 0.9)}, -20.0),
        ("aliasing", {"aliasing": Mirrored(8000.0, -80.0, -6.0, 0.9)}, NOTHING_DB),
        ("reverberation", {"room": Room(-14.0, 0.3)}, -14.0),
        ("reverberation", {}, NOTHING_DB),
        ("second_copy", {}, NOTHING_DB),
        ("distortion", {}, NOTHING_DB),
    ],
)
def test_what_was_not_found_has_the_level_of_nothing(reading, name, parts, value):
    found = reading(name, **parts)
    assert (found.value, found.events) == (value, ())


@pytest.mark.parametrize(("echo", "kind"), [(True, "echo"), (False, "second copy")])
def test_a_second_copy_is_an_echo_or_played_twice(reading, echo, kind):
    found = reading("second_copy", copy=Copy(0.15, -9.0, echo=echo))
    assert found.value == -9.0
    assert found.events == (
        SoundEvent(kind=kind, reference_s=0.0, estimated_s=0.0, duration_s=0.15, level_db=-9.0),
    )  # fmt: skip


@pytest.mark.parametrize(("level_db", "measured"), [(COPY_WARN_DB, True), (COPY_WARN_DB + 0.1, False)])
def test_a_faint_copy_of_distorted_sound_is_explained_by_it(reading, level_db, measured):
    bent = Distortion(-15.0, Kind.OVERDRIVE, 0.5)
    found = reading("second_copy", copy=Copy(0.15, level_db, echo=True), distortion=bent)
    assert (found.value, found.missing) == ((level_db, None) if measured else (None, EXPLAINED))


def test_distortion_names_its_kind(reading):
    found = reading("distortion", distortion=Distortion(-15.0, Kind.FEW_BITS, 8.0))
    assert found.value == -15.0
    assert found.events == (
        SoundEvent(kind="few bits", reference_s=0.0, estimated_s=0.0, duration_s=0.0, level_db=-15.0),
    )  # fmt: skip
    hidden = reading("distortion", distortion=Distortion(-100.0, Kind.NONE, None, hidden=True))
    assert hidden.missing == DISTORTION_HIDDEN


@pytest.mark.parametrize(
    ("name", "part"),
    [("level_change", "level"), ("level_pumping", "level"), ("tone_change", "tone"), ("added_noise", "noise"),
     ("distortion", "distortion")],
)  # fmt: skip
def test_what_had_too_little_sound_is_not_measured(reading, name, part):
    assert reading(name, **{part: None}).missing == TOO_LITTLE
