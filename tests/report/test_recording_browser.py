"""The page of recordings in a real browser: no sideways scroll, and a mark that plays from a second before."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import soundfile as sf

from diag.api.analyze import analyze_all
from diag.api.compare_recordings import compare_recordings
from diag.api.recording_report import write_comparison_report, write_report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]

FRAMES = """<!doctype html><html lang="en"><title>frames</title><body><script>
const pages = %s, found = [];
addEventListener("load", async () => {
  for (const [name, page] of Object.entries(pages)) for (const width of [320, 1280]) {
    const frame = document.createElement("iframe");
    frame.style.width = `${width}px`; frame.style.height = "900px";
    frame.srcdoc = page;
    const loaded = new Promise((done) => { frame.onload = done; });
    document.body.append(frame);
    await loaded;
    const root = frame.contentDocument;
    for (const details of root.querySelectorAll("details")) details.open = true;
    const mark = root.querySelector(".event[data-play]");
    let at = null, played = 0;
    if (mark) {
      const audio = root.getElementById(mark.dataset.play);
      for (const [key, value] of [["play", () => { played += 1; }], ["currentTime", 0]])
        Object.defineProperty(audio, key, {value, writable: true});
      mark.click();
      at = audio.currentTime;
    }
    found.push({name, width, scroll: root.documentElement.scrollWidth, at, played});
    frame.remove();
  }
  const out = document.createElement("pre");
  out.id = "found"; out.textContent = JSON.stringify(found);
  document.body.replaceChildren(out);
});
</script></body></html>"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory, scenarios):
    folder = tmp_path_factory.mktemp("browser")
    samples, rate_hz = sf.read(scenarios / "replies" / "take_the_express.wav", dtype="float32")
    place = round(1.5 * rate_hz)
    sf.write(folder / "received.wav", samples, rate_hz)
    stalled = np.concatenate((samples[:place], np.zeros(7200, np.float32), samples[place:]))
    sf.write(folder / "a_recording_with_quite_a_long_name_for_a_telephone.wav", stalled, rate_hz)
    one = folder / "a_recording_with_quite_a_long_name_for_a_telephone.wav"
    against = folder / "received.wav"
    pages = {
        "one": write_report(analyze_all([one], reference=against), folder / "1.html", reference=against),
        "two": write_report(analyze_all([one, against]), folder / "2.html"),
        "compared": write_comparison_report(compare_recordings(against, one), folder / "3.html"),
    }
    texts = {name: page.read_text("utf-8") for name, page in pages.items()}
    frames = folder / "frames.html"
    frames.write_text(FRAMES % json.dumps(texts).replace("</", "<\\/"), encoding="utf-8")
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
        f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=60000", "--dump-dom", frames.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    assert match, done.stderr[-2000:]
    return json.loads(html.unescape(match[1]))


def test_no_sideways_scroll(seen):
    assert len(seen) == 6
    assert [item for item in seen if item["scroll"] > item["width"]] == []


def test_a_click_on_a_mark_plays_from_a_second_before(seen):
    for item in seen:
        if item["name"] != "compared":
            assert item["at"] == pytest.approx(0.5, abs=0.05)
            assert item["played"] == 1
