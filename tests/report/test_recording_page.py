"""The report of recordings: verdict first, the audio with each fault marked where it is, small, and by itself."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile as sf

from diag.api.analyze import analyze_all
from diag.api.recording_report import check_page, write_report
from diag.core.errors import BadInputError
from diag.report import recording_view

RATE_HZ = 24000
PLAYED = re.compile(r'data-play="(clip-\d+)" data-at="([\d.]+)"')


@pytest.fixture(scope="module")
def reply(scenarios):
    return sf.read(scenarios / "replies" / "take_the_express.wav", dtype="float32")[0]


def stalled(samples, at_s=1.5, length_s=0.3):
    place = round(at_s * RATE_HZ)
    return np.concatenate((samples[:place], np.zeros(round(length_s * RATE_HZ), np.float32), samples[place:]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, reply):
    folder = tmp_path_factory.mktemp("recordings")
    sf.write(folder / "received.wav", reply, RATE_HZ)
    sf.write(folder / "stalled.wav", stalled(reply), RATE_HZ)
    sf.write(folder / "copy.wav", 0.8 * reply, RATE_HZ)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    results = analyze_all([folder / "stalled.wav"], reference=folder / "received.wav")
    return write_report(results, folder / "one.html", reference=folder / "received.wav").read_text("utf-8")


def sound_of(page, name):
    src = re.search(rf'id="{name}" src="data:audio/flac;base64,([^"]+)"', page)[1]
    return sf.read(io.BytesIO(base64.b64decode(src)), dtype="float32")[0]


def test_verdict_comes_first_then_findings_with_their_fix_then_measures(page):
    order = ["WARNING", "inserts 300 ms of silence", "<b>Fix:</b>", "<dt>Fix</dt>", "Measures ("]
    places = [page.index(words) for words in order]
    assert places == sorted(places)


def test_the_page_and_the_copied_verdict_say_when_the_recording_was_judged(page):
    assert re.search(r'class="quiet">judged 20\d\d-\d\d-\d\d \d\d:\d\d UTC, diag', page)
    assert re.search(r"Judged 20\d\d-\d\d-\d\d \d\d:\d\d UTC\.", page)


def test_the_fault_is_marked_where_it_is(page):
    mark = re.search(r'<i class="event watch" style="left:([\d.]+)%;width:([\d.]+)%"', page)
    length_s = float(re.search(r"length</span> ([\d.]+) s", page)[1])
    assert float(mark[1]) / 100 * length_s == pytest.approx(1.5, abs=0.02)
    assert float(mark[2]) / 100 * length_s == pytest.approx(0.3, abs=0.02)
    assert "silence inserted, 300 ms at 1.50 s" in page


def test_a_mark_plays_the_recording_from_a_second_before(page):
    name, at_s = PLAYED.search(page).groups()
    assert float(at_s) == pytest.approx(0.5, abs=0.02)
    heard = sound_of(page, name)
    gap = heard[round((float(at_s) + 1.02) * RATE_HZ) : round((float(at_s) + 1.28) * RATE_HZ)]
    assert not gap.any()


def test_recording_and_reference_can_be_switched_at_the_same_moment(page, reply):
    box = re.search(r'<div class="ab[^>]*>', page)[0]
    a, b = re.search(r'data-a="(clip-\d+)" data-b="(clip-\d+)"', box).groups()
    assert np.abs(sound_of(page, a) - reply).max() < 1e-4
    assert sound_of(page, b).size == reply.size + round(0.3 * RATE_HZ)
    starts = [float(re.search(rf'data-onset-{side}="([\d.]+)"', box)[1]) for side in "ab"]
    assert starts == pytest.approx([0.0, 0.0], abs=0.001)


def test_the_page_is_small_and_loads_nothing_from_elsewhere(page):
    assert len(page.encode()) < 2_000_000
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "default-src 'none'" in page


def test_several_recordings_begin_with_a_table_worst_first(folder):
    (folder / "broken.wav").write_bytes(b"nothing")
    paths = [folder / name for name in ("copy.wav", "stalled.wav", "broken.wav")]
    results = analyze_all(paths, reference=folder / "received.wav")
    text = write_report(results, folder / "many.html", reference=folder / "received.wav").read_text("utf-8")
    table = text[text.index("<h2>Recordings</h2>") : text.index("</table>")]
    assert re.findall(r'<a href="#recording-(\d)">', table) == ["2", "3", "1"]
    assert "inserts 300 ms of silence" in table
    assert "not read" in table
    assert "Could not read the recording" in table
    assert text.count('<section class="run"') == 3
    assert "3 recordings: 1 with a warning, 1 without a fault, 1 that could not be read." in text


def test_a_recording_without_reference_marks_what_it_shows_by_itself(tmp_path, reply):
    clicked = reply.copy()
    for at_s in (0.9, 1.4, 2.1):
        clicked[round(at_s * RATE_HZ)] += 0.9
    sf.write(tmp_path / "clicks.wav", np.clip(clicked, -1, 1), RATE_HZ)
    text = write_report(analyze_all([tmp_path / "clicks.wav"]), tmp_path / "page.html").read_text("utf-8")
    assert [float(at) for at in re.findall(r"click at ([\d.]+) s\"", text)] == pytest.approx([0.9, 1.4, 2.1], abs=0.01)
    assert 'class="ab ' not in text


def test_of_a_long_recording_the_parts_with_faults_are_kept_beside_their_reference(tmp_path, reply, monkeypatch):
    monkeypatch.setattr(recording_view, "WHOLE_S", 20.0)
    monkeypatch.setattr("diag.report.recording_page.WHOLE_S", 20.0)
    pause = np.zeros(RATE_HZ // 2, np.float32)
    varied = [reply * (0.5 + 0.1 * number) for number in range(6)]
    long = np.concatenate([np.concatenate((part[number * 900 :], pause)) for number, part in enumerate(varied)])
    sf.write(tmp_path / "long.wav", long, RATE_HZ)
    sf.write(tmp_path / "late.wav", stalled(long, 15.0), RATE_HZ)
    results = analyze_all([tmp_path / "late.wav"], reference=tmp_path / "long.wav")
    text = write_report(results, tmp_path / "page.html", reference=tmp_path / "long.wav").read_text("utf-8")
    box = re.search(r'<div class="ab[^>]*>', text)[0]
    a, b = (sound_of(text, name) for name in re.search(r'data-a="(clip-\d+)" data-b="(clip-\d+)"', box).groups())
    assert a.size == b.size == 6 * RATE_HZ
    name, at_s = PLAYED.search(text).groups()
    before = round((float(at_s) + 0.9) * RATE_HZ)
    np.testing.assert_allclose(a[:before], b[:before], atol=1e-3)
    assert not sound_of(text, name)[before + RATE_HZ // 5 : before + RATE_HZ // 3].any()


def test_no_audio_where_none_is_wanted(folder):
    results = analyze_all([folder / "stalled.wav"])
    text = write_report(results, folder / "none.html", embed="none").read_text("utf-8")
    assert "data:audio" not in text
    assert "audio was not asked for" in text


@pytest.mark.parametrize("name", ["heard.wav", "report", "folder.html"])
def test_a_page_never_takes_the_place_of_something_else(tmp_path, name):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(BadInputError, match="Could not write the report"):
        check_page(tmp_path / name)
