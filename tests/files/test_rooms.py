"""Rooms: found by name or path, read as four responses at one rate, and scaled to a level."""

import numpy as np
import pytest
import soundfile

from diag.core.errors import BadInputError
from diag.files.rooms import PATHS, find_room, path_level_db, read_responses, rooms_by_name, with_echo_level


@pytest.mark.parametrize("name", ["laptop", "meeting_room", "phone_on_speaker", "desk", "car", "headset"])
def test_every_room_has_four_paths_with_the_direct_sound_first(name):
    responses = read_responses(find_room(name).path)
    assert responses.shape[1] == len(PATHS)
    for path in PATHS:
        assert -60 < path_level_db(responses, path) < 0
        column = np.abs(responses[:, PATHS.index(path)])
        before = column[: int(np.argmax(column))]
        assert before.max(initial=0.0) < 0.01 * column.max(), path


def test_a_headset_leaks_less_than_what_counts_as_an_echo():
    assert path_level_db(read_responses(find_room("headset").path), "speaker_to_microphone") < -45


def test_the_level_of_the_echo_is_set_and_the_other_paths_stay():
    responses = read_responses(find_room("laptop").path)
    louder = with_echo_level(responses, -3.0)
    assert path_level_db(louder, "speaker_to_microphone") == pytest.approx(-3.0, abs=0.01)
    assert np.array_equal(louder[:, 1:], responses[:, 1:])


def test_responses_at_another_rate_keep_delay_and_gain(tmp_path):
    samples = np.zeros((4410, 4))
    samples[441] = 0.5
    soundfile.write(tmp_path / "mine.wav", samples, 44100, subtype="FLOAT")
    responses = read_responses(find_room(str(tmp_path / "mine.wav")).path)
    assert np.argmax(np.abs(responses), axis=0).tolist() == [480] * 4
    assert responses.sum(axis=0) == pytest.approx([0.5] * 4, abs=0.01)


@pytest.mark.parametrize(
    ("samples", "seen"),
    [
        (np.full((480, 2), 0.1), "2 channel"),
        (np.full((60000, 4), 0.1), "1.25 s"),
        (np.zeros((480, 4)), "silence"),
    ],
)
def test_a_file_that_is_no_room_is_refused_in_one_sentence(tmp_path, samples, seen):
    soundfile.write(tmp_path / "wrong.wav", samples, 48000)
    with pytest.raises(BadInputError, match=seen):
        read_responses(tmp_path / "wrong.wav")


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(BadInputError, match="did you mean `laptop`"):
        find_room("latop")


def test_a_room_of_the_users_own_replaces_a_built_in_one(tmp_path, monkeypatch):
    folder = tmp_path / "scenarios" / "rooms"
    folder.mkdir(parents=True)
    (folder / "rooms.toml").write_text('[[room]]\nname = "laptop"\nfile = "mine.wav"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert rooms_by_name()["laptop"].path == folder / "mine.wav"
    assert "car" in rooms_by_name()


def test_a_damaged_table_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "scenarios" / "rooms"
    folder.mkdir(parents=True)
    (folder / "rooms.toml").write_text('[[room]]\nfile = "mine.wav"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match=r"rooms\.toml"):
        find_room("anything")
