"""Measured latencies against what is known to be true: `make truth`.

The emulator logs when each chunk left and which sample of its reply is the first audible one. Reply and prompt are
files, so their places in the ear's recording can be found without any of the detectors that are being examined.

    python benchmarks/truth.py --audio wire --takes 40
    python benchmarks/truth.py --audio virtual --takes 40 --config examples/pages/ring_buffer.toml
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from diag.api.options import Options, Quiet
from diag.api.run import run
from diag.api.take_dispatch import TRUTH_FILE
from diag.core.chain import HEARD_PROMPT_CHANNEL, HEARD_REPLY_CHANNEL, Tap
from diag.core.results import TakeResult
from diag.core.take import Take
from diag.dsp.align import locate
from diag.files.prompts import find_prompt
from diag.files.run_folders import read_take, read_wav
from diag.files.scenario_folders import built_in_folder
from diag.files.scenarios import find_scenario
from diag.record.client.resampler import resample

REPLY_RATE_HZ = 24000
LIMITS_MS = {"wire": {"ttfb_s": 3.0, "ttfa_received_s": 3.0, "ttfa_heard_s": 10.0}}
LIMITS_MS["virtual"] = LIMITS_MS["wire"]
HEARD_LIMIT_OF_APP_MS = {"program": 10.0, "page": 15.0}
"""The loudspeaker of an app cannot be calibrated, because the app holds it. A browser adds the jitter of its output."""


class Lines(Quiet):
    """Progress as plain lines."""

    def take_done(self, *, run: str, take: str, line: str, discarded: str | None) -> None:
        print(f"  {run} {take}  {line}" + (f"  (discarded: {discarded})" if discarded else ""), flush=True)

    def note(self, text: str) -> None:
        print(f"  note: {text}", flush=True)


def true_latencies_s(take: Take, lines: list[dict[str, Any]]) -> dict[str, float]:
    """What the latencies of a one-turn take must be, from the emulator's log and the files that were played."""
    turn = take.turns[0]
    assert turn.speech_end_s is not None
    started = take.timeline.first("take_started")
    assert started is not None
    origin_s = started.data["perf_counter_s"] + turn.speech_end_s
    reply = next(line for line in lines if line["event"] == "reply_chosen")
    chunks = [line for line in lines if line["event"] == "chunk_sent" and line["turn"] == reply["turn"]]
    audible = reply["first_audible_frame"]
    playable_s = max(
        chunk["t_s"] + (audible - chunk["start_frame"]) / REPLY_RATE_HZ
        for chunk in chunks
        if chunk["start_frame"] <= audible
    )
    return {
        "ttfb_s": chunks[0]["t_s"] - origin_s,
        "ttfa_received_s": playable_s - origin_s,
        "ttfa_heard_s": _heard_s(take, reply["reply"], audible),
    }


def _heard_s(take: Take, reply_name: str, audible_frame: int) -> float:
    heard = take.clips[Tap.HEARD]
    prompt = find_prompt(take.turns[0].prompt_name)
    assert prompt.speech_end_s is not None
    prompt_at_s = place_s(heard.channel(HEARD_PROMPT_CHANNEL).samples, heard.sample_rate_hz, prompt.path)
    reply_path = built_in_folder() / "replies" / f"{reply_name}.wav"
    reply_at_s = place_s(heard.channel(HEARD_REPLY_CHANNEL).samples, heard.sample_rate_hz, reply_path)
    return reply_at_s + audible_frame / REPLY_RATE_HZ - (prompt_at_s + prompt.speech_end_s)


def place_s(
    recording: np.ndarray, sample_rate_hz: int, path: Path, *, from_s: float = 0.0, until_s: float | None = None
) -> float:
    """Return where a file, or a part of it, begins in a recording, in seconds."""
    clip = read_wav(path)
    template = resample(clip.samples, clip.sample_rate_hz, sample_rate_hz)
    last = len(template) if until_s is None else round(until_s * sample_rate_hz)
    template = template[round(from_s * sample_rate_hz) : last]
    place = locate(template, recording, sample_rate_hz)
    assert place is not None, f"{path.name} is not in the recording"
    return place.frame / sample_rate_hz


def errors_ms(folder: Path, result: TakeResult) -> dict[str, float]:
    """Measured minus true, in milliseconds, for the metrics that were measured."""
    take_dir = folder / "takes" / result.id
    lines = json.loads((take_dir / TRUTH_FILE).read_text(encoding="utf-8"))["lines"]
    truth = true_latencies_s(read_take(take_dir), lines)
    return {
        metric: 1000 * (measured - true_s)
        for metric, true_s in truth.items()
        if (measured := result.measurements.value(metric)) is not None
    }


def main() -> int:
    """Run takes of the healthy configuration and print a table of errors; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--audio", choices=("wire", "virtual"), default="wire")
    parser.add_argument("--config", default="healthy", help="a healthy configuration of one turn, also with [app]")
    parser.add_argument("--prompt", action="append", default=[], help="of this prompt; may be repeated")
    parser.add_argument("--takes", type=int, default=40)
    parser.add_argument("--rigs", type=int)
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    options = Options(
        takes=given.takes, prompts=tuple(given.prompt), audio=given.audio, rigs=given.rigs, out=given.out, embed="none"
    )
    (result,) = run(given.config, options, Lines()).runs
    assert result.folder is not None
    rows = [errors_ms(Path(result.folder), take) for take in result.counted]
    discarded = len(result.takes) - len(result.counted)
    print(f"\n{len(rows)} takes on {given.audio}, {discarded} discarded")
    missed = False
    limits_ms = dict(LIMITS_MS[given.audio])
    app = find_scenario(given.config).app
    if app is not None:
        limits_ms["ttfa_heard_s"] = HEARD_LIMIT_OF_APP_MS["page" if app.url else "program"]
    for metric, limit_ms in limits_ms.items():
        values = np.abs([row[metric] for row in rows if metric in row])
        p95 = float(np.percentile(values, 95)) if len(values) else float("nan")
        good = len(values) == len(rows) > 0 and p95 <= limit_ms
        missed |= not good
        median = float(np.median(values)) if len(values) else float("nan")
        state = "reached" if good else "MISSED"
        print(
            f"{metric:<16} n {len(values):>3}  median |error| {median:6.2f} ms  p95 {p95:6.2f} ms"
            f"  limit {limit_ms:4.1f} ms  {state}"
        )
    gaps = [take.measurements.value("detector_gap_s") for take in result.counted]
    known = np.abs([gap for gap in gaps if gap is not None])
    if len(known):
        print(
            f"detector_gap_s   n {len(known):>3}  median {1000 * np.median(known):.2f} ms"
            f"  p95 {1000 * np.percentile(known, 95):.2f} ms  limit 10.0 ms"
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
