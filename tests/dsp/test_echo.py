import numpy as np
import pytest
from dsp_voices import made_voice

from diag.dsp.echo import find_echo

RANDOM = np.random.default_rng(31)


def capture_of(known, level_db, late, talker=None):
    recording = np.zeros(known.size + 24000, dtype=np.float32)
    recording[late : late + known.size] += np.float32(10 ** (level_db / 20)) * known
    if talker is not None:
        recording += np.resize(talker, recording.size) * np.float32(np.std(known) / np.std(talker))
    return recording + (1e-4 * RANDOM.standard_normal(recording.size)).astype(np.float32)


@pytest.mark.parametrize("level_db", [-10, -20])
def test_an_echo_under_somebody_who_talks_as_loud(replies, level_db):
    for known, talker in (("ko_room_is_booked", "sunny_in_seoul"), ("hearing_you_well", "take_the_express")):
        late = 2411
        recording = capture_of(replies[known].samples, level_db, late, replies[talker].samples)
        found = find_echo(replies[known].samples, 24000, recording, 24000)
        assert found.distinct, known
        assert found.level_db == pytest.approx(level_db, abs=1), known
        assert found.delay_s == pytest.approx(late / 24000, abs=1e-4), known


def test_delay_is_told_between_the_samples_of_the_search():
    known = made_voice(14, 3.0).samples
    for late in (1000, 1001, 1002):
        found = find_echo(known, 24000, capture_of(known, -20, late), 24000)
        assert found.delay_s == pytest.approx(late / 24000, abs=2e-5)


def test_a_coloured_echo_is_told_by_its_power(replies):
    known = replies["hearing_you_well"].samples
    coloured = np.convolve(known, [0.06, 0.05, -0.02])[: known.size].astype(np.float32)
    recording = np.zeros(known.size + 24000, dtype=np.float32)
    recording[1200 : 1200 + known.size] = coloured
    found = find_echo(known, 24000, recording, 24000)
    truth_db = 20 * np.log10(np.std(coloured) / np.std(known))
    assert found.level_db == pytest.approx(truth_db, abs=1)


def test_somebody_else_alone_is_no_echo(replies):
    known = replies["ko_room_is_booked"].samples
    for name in ("sunny_in_seoul", "take_the_express", "hearing_you_well"):
        other = np.resize(replies[name].samples, known.size + 24000)
        assert not find_echo(known, 24000, other, 24000).distinct, name
