"""`diag sweep`: which settings are recommended, what is refused, and the forecast against real takes."""

import pytest
from builders import Story, build

from diag.api.options import Options
from diag.api.sweep import BUFFER, best_of, exit_code, parse_vary, sweep
from diag.core.errors import BadInputError, ExitCode
from diag.core.sweep import Sweep, SweepRow
from diag.files.run_folders import create_run, read_run, write_take
from diag.record.client.playout_forecast import forecast_playback, recorded_playback
from diag.report.sweep_text import sweep_text

JITTER = """title = "Jitter"
prompts = ["yes"]
[session]
response_modalities = ["AUDIO"]
[playback]
prebuffer_ms = {buffer_ms}
[emulator]
chunk_ms = 40
pace = 1.02
[[emulator.faults]]
kind = "jitter"
up_to_s = 0.2
"""


def row(buffer_ms, heard_s, underruns=0, takes=5):
    return SweepRow(
        settings={BUFFER: buffer_ms}, takes=takes, heard_s=heard_s, underruns=underruns,
        takes_with_underruns=min(underruns, takes), forecast=True, folder=None,
    )  # fmt: skip


@pytest.fixture
def run(tmp_path):
    folder = create_run(tmp_path, "slow network", {"title": "", "scenario": {}})
    for number in (1, 2, 3, 4):
        write_take(folder, build(Story(take_id=f"000{number}", seed=number, pace=1.5)))
    return folder


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("send.batch_ms=10,20,50", (10.0, 20.0, 50.0)),
        ("playback.prebuffer_ms=20..80", (20.0, 40.0, 60.0, 80.0)),
        ("playback.prebuffer_ms=0..25:10", (0.0, 10.0, 20.0)),
        ("send.resample=true,false", (True, False)),
        ("session.model=models/a", ("models/a",)),
    ],
)
def test_values_are_lists_or_a_range_of_the_buffer(text, values):
    key, given = parse_vary(text)
    assert key == text.partition("=")[0]
    assert given == values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("send.batch", "no values"), ("send.batch_mss=1", r"did you mean `send.batch_ms`\?"),
        ("send.batch_ms=10..50", "each of its values needs takes"), ("send.batch_ms=1", "batch_ms"),
        ("playback.prebuffer_ms=50..10", "not a range"), ("playback.prebuffer_ms=a..b", "not a range"),
        ("playback.prebuffer_ms=0..nan", "not a range"), ("send.batch_ms=fast", "batch_ms"),
    ],
)  # fmt: skip
def test_what_cannot_be_varied_is_refused_with_what_can(text, words):
    with pytest.raises(BadInputError, match=words):
        parse_vary(text)


def test_the_least_latency_without_an_underrun_wins_and_a_free_buffer_is_taken():
    rows = [row(20.0, 0.80, 3), row(60.0, 0.90), row(100.0, 0.9004), row(200.0, 1.0)]
    assert best_of(rows) is rows[2]
    assert best_of(rows[:1]) is None
    assert best_of([row(20.0, None)]) is None


@pytest.mark.parametrize(
    ("best", "check", "code"),
    [
        (row(60.0, 0.9), None, ExitCode.GOOD), (row(60.0, 0.9), row(60.0, 0.9), ExitCode.GOOD),
        (row(60.0, 0.9), row(60.0, 0.9, 1), ExitCode.FAILED), (None, None, ExitCode.FAILED),
        (row(60.0, 0.9), row(60.0, None, takes=0), ExitCode.TOO_LITTLE_EVIDENCE),
    ],
)  # fmt: skip
def test_the_exit_code_follows_the_check(best, check, code):
    found = Sweep(name="a", rows=(row(20.0, 0.8, 2),), best=best, check=check)
    assert exit_code(found) is code
    assert sweep_text(found)


def test_buffers_of_a_saved_run_are_forecast_without_new_takes(run):
    found = sweep(str(run), ["playback.prebuffer_ms=0..600:100"])
    assert [item.settings[BUFFER] for item in found.rows] == [0.0, 100.0, 200.0, 300.0, 400.0, 500.0, 600.0]
    waits = [item.heard_s for item in found.rows]
    assert waits == sorted(waits)
    assert found.best is not None
    text = sweep_text(found, width=120)
    assert text.startswith(f"● playback.prebuffer_ms = {found.best.settings[BUFFER]:g}: first sound heard after")
    assert "4 takes without an underrun: up to 75% of takes may still underrun." in text


def test_settings_of_a_saved_run_cannot_be_varied(run):
    with pytest.raises(BadInputError, match=r"send\.batch_ms for a saved run"):
        sweep(str(run), ["send.batch_ms=10,20"])


def test_too_many_combinations_are_refused_before_anything_is_recorded():
    many = ",".join(str(10 + k) for k in range(10))
    with pytest.raises(BadInputError, match="100 combinations"):
        sweep("healthy", [f"send.batch_ms={many}", f"turn.reply_max_s={many}"])


def test_forecasts_agree_with_real_takes(tmp_path):
    """A player with a small buffer in heavy jitter: what is forecast for its own buffer is what it did."""
    config = tmp_path / "jitter.toml"
    config.write_text(JITTER.format(buffer_ms=20))
    found = sweep(str(config), ["send.batch_ms=20"], Options(takes=2, audio="wire", out=tmp_path, rigs=2))
    (recorded,) = found.rows
    assert recorded.underruns > 0, "this player must underrun, or nothing is shown"
    saved = read_run(recorded.folder)
    for take_id in saved.take_ids:
        take = saved.take(take_id)
        real, forecast = recorded_playback(take), forecast_playback(take, 20)
        assert abs(real.underruns - forecast.underruns) <= 1
        # A chunk that arrives at the border of two blocks of 10 ms may be played with the one or the other.
        assert forecast.start_s == pytest.approx(real.start_s, abs=0.011)
        assert forecast.silence_s == pytest.approx(real.silence_s, abs=0.02)
        assert forecast_playback(take, 2000).underruns == 0
