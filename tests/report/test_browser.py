"""The page in a real browser: no sideways scroll, a script without errors, and the rules of axe where it is at hand.

Skipped without Chromium. For the accessibility rules set AXE_CORE to the path of `axe.min.js`
(`npm install axe-core`).
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from report_samples import comparison, run_result, slow_player_run, take

from diag.core.results import Report
from diag.report.build import build_report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]

# The report is looked at through frames: a window of a browser without a screen cannot be made as narrow as a phone.
FRAMES = """<!doctype html><html lang="en"><title>frames</title><body><script>
const page = %s, axe = %s, found = [];
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
async function act(view, root) {
  const press = (key) => {
    const event = new view.KeyboardEvent("keydown", {key, bubbles: true, cancelable: true});
    root.activeElement.dispatchEvent(event);
  };
  const ids = (selector) => [...root.querySelectorAll(selector)].map((item) => item.id || item.textContent);
  const shown = () => ({
    findings: ids(".finding:not([hidden])").filter((id) => !root.getElementById(id).closest("[hidden]")),
    runs: ids(".run:not([hidden])"),
    checks: root.querySelectorAll(".run:not([hidden]) .checks tr[data-state]:not([hidden])").length,
    pressed: [...root.querySelectorAll("[data-filter][aria-pressed=true]")].map((pill) => pill.dataset.filter),
  });
  const all = shown();
  press("j");
  const first = root.activeElement.id;
  press("j");
  const still = root.activeElement.id;
  press("?");
  const dialog = root.getElementById("keys");
  const keys = dialog.open;
  dialog.close();
  root.querySelector("[data-filter=fails]").click();
  const fails = shown();
  root.querySelector("[data-filter=watch]").click();
  const watch = shown();
  root.querySelector('[data-filter=""]').click();
  const again = shown();
  const audio = root.querySelector(".player audio[src]");
  // A browser whose clock is not the real one plays nothing: what the script asks of a player is put in its place.
  let played = 0;
  for (const [name, value] of [["play", () => { played += 1; }], ["duration", 2], ["currentTime", 0.5]])
    Object.defineProperty(audio, name, {value, writable: true});
  audio.dispatchEvent(new view.Event("play"));
  const line = audio.closest(".player").querySelector(".cursor");
  const cursor = line ? parseFloat(line.style.left) : null;
  root.activeElement.blur();
  press(" ");
  const box = root.querySelector(".ab");
  const laidOut = () => [...box.querySelectorAll("[data-wave], .zero")].map((item) => parseFloat(item.style.left));
  const waves = [laidOut()];
  box.querySelector("[data-do=align]").click();
  waves.push(laidOut());
  const ticks = [...box.querySelectorAll("[data-axis] span")].map((item) => item.textContent);
  return {waves, ticks, all, first, still, keys, fails, watch, again, cursor, played};
}
addEventListener("load", async () => {
  for (const width of [320, 390, 1280]) {
    const frame = document.createElement("iframe");
    frame.style.width = `${width}px`; frame.style.height = "900px";
    frame.srcdoc = page;
    const loaded = new Promise((done) => { frame.onload = done; });
    document.body.append(frame);
    await loaded;
    const root = frame.contentDocument;
    for (const details of root.querySelectorAll("details")) details.open = true;
    const script = root.documentElement.classList.contains("script");
    let violations = null;
    if (axe) {
      const added = root.createElement("script");
      added.textContent = axe;
      root.head.append(added);
      const result = await frame.contentWindow.axe.run(root, {resultTypes: ["violations"]});
      violations = result.violations.map((rule) => `${rule.id}: ${rule.nodes[0].html}`);
    }
    const acted = await act(frame.contentWindow, root);
    found.push({width, script, acted, scroll: root.documentElement.scrollWidth, violations,
                dark: frame.contentWindow.matchMedia("(prefers-color-scheme: dark)").matches});
    frame.remove();
  }
  const out = document.createElement("pre");
  out.id = "found"; out.textContent = JSON.stringify(found);
  document.body.replaceChildren(out);
});
</script></body></html>"""


@pytest.fixture(scope="module", params=["light", "dark"])
def seen(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    report = Report(runs=(run_result(), slow_player_run()), comparisons=(comparison(),))
    takes = {"healthy": [take()], "playback_16k": [take("0001", speed=2 / 3)]}
    page = build_report(report, takes, folder / "report.html").read_text(encoding="utf-8")
    axe = os.environ.get("AXE_CORE")
    words = (json.dumps(text).replace("</", "<\\/") for text in (page, Path(axe).read_text("utf-8") if axe else ""))
    frames = folder / "frames.html"
    frames.write_text(FRAMES % tuple(words), encoding="utf-8")
    scheme = {"dark": "0", "light": "1"}[request.param]
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
        f"--user-data-dir={folder / 'profile'}", f"--blink-settings=preferredColorScheme={scheme}",
        "--virtual-time-budget=60000", "--dump-dom", frames.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    assert match, done.stderr[-2000:]
    found = json.loads(html.unescape(match[1]))
    assert all(item["dark"] is (request.param == "dark") for item in found)
    return found


def test_no_sideways_scroll(seen):
    assert {item["width"]: item["scroll"] for item in seen if item["scroll"] > item["width"]} == {}


def test_script_ran(seen):
    assert all(item["script"] for item in seen)


def test_keys_go_from_finding_to_finding_and_show_themselves(seen):
    for item in seen:
        assert (item["acted"]["first"], item["acted"]["still"]) == ("f2-PLY001", "f2-PLY001")
        assert item["acted"]["keys"]


def test_pills_show_findings_and_checks_of_one_state(seen):
    for item in seen:
        acted = item["acted"]
        assert acted["all"] == acted["again"]
        assert acted["all"]["runs"] == ["run-2", "run-1"], "the run that fails comes first"
        assert acted["fails"] == {"findings": ["f2-PLY001"], "runs": ["run-2"], "checks": 1, "pressed": ["fails"]}
        assert acted["watch"] == {"findings": [], "runs": [], "checks": 0, "pressed": ["watch"]}


def test_a_line_follows_the_sound_and_space_plays_it_again(seen):
    for item in seen:
        assert item["acted"]["cursor"] == pytest.approx(25, abs=1)
        assert item["acted"]["played"] == 1


def test_waves_of_a_and_b_stand_at_the_same_moment_until_the_replies_are_aligned(seen):
    for item in seen:
        (a, b, zero), aligned = item["acted"]["waves"]
        assert (a, b) == (0, 0)
        assert 20 < zero < 50, "one second of about three"
        assert aligned[0] < 0
        assert aligned[2] < zero
        assert item["acted"]["ticks"][0] == "0 s", "0.2 s before the replies are shown"


@pytest.mark.skipif("AXE_CORE" not in os.environ, reason="AXE_CORE names no axe.min.js")
def test_rules_of_axe(seen):
    assert {item["width"]: item["violations"] for item in seen if item["violations"]} == {}
