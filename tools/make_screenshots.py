"""Make docs/report.png, docs/report-compare.png and docs/report-recording.png: the reports as they look now.

.venv/bin/python tools/make_screenshots.py

It records ten takes in real time (about a minute), and needs Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DIAG = (sys.executable, "-m", "diag")
REPLY = ROOT / "scenarios/replies/take_the_express.wav"
COLOURS = 128
"""A third of the size, and no difference to be seen."""
STALL_AT_S, STALL_S = 1.2, 0.3
LOSS_AT_S, LOSS_S = 2.6, 0.2


def diag(*words: str, folder: Path) -> None:
    """Run a command of diag; its exit code says what it found, so only 2 and 3 are failures."""
    done = subprocess.run([*DIAG, *words], cwd=folder, check=False)
    if done.returncode in (2, 3):
        raise SystemExit(f"diag {' '.join(words)} ended with {done.returncode}")


def picture(page: Path, name: str, width: int, height: int) -> None:
    """Draw the top of a page into docs."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("this needs Chromium")
    subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         f"--window-size={width},{height}", f"--screenshot={ROOT / 'docs' / name}", page.as_uri()],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    drawn = ROOT / "docs" / name
    with Image.open(drawn) as full:
        smaller = full.convert("RGB").quantize(COLOURS)
    smaller.save(drawn, optimize=True)


def faulty_recording(folder: Path) -> None:
    """Write a reply, and the same reply with a stall and a loss."""
    samples, rate_hz = soundfile.read(REPLY, dtype="float32")
    stall, loss = round(STALL_AT_S * rate_hz), round(LOSS_AT_S * rate_hz)
    silence = np.zeros(round(STALL_S * rate_hz), np.float32)
    heard = np.concatenate((samples[:stall], silence, samples[stall:loss], samples[loss + round(LOSS_S * rate_hz) :]))
    soundfile.write(folder / "received.wav", samples, rate_hz)
    soundfile.write(folder / "heard.wav", heard, rate_hz)


def main() -> None:
    """Record, write the reports, and draw them."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        diag("compare", "healthy", "playback_16k", "--takes", "5", "--audio", "wire", "--out", "out", folder=folder)
        (compared,) = folder.glob("out/*.html")
        picture(compared, "report-compare.png", 1100, 2060)
        (run,) = folder.glob("out/runs/*-playback_16k-*")
        diag("report", str(run), "--out", "one", folder=folder)
        (page,) = folder.glob("one/*.html")
        picture(page, "report.png", 1100, 1690)
        faulty_recording(folder)
        diag("analyze", "heard.wav", "--reference", "received.wav", "--html", "recording.html", folder=folder)
        picture(folder / "recording.html", "report-recording.png", 1000, 1150)


if __name__ == "__main__":
    main()
