"""How well device stamps tell when sound is heard: every burst's place in the ear against its stamps.

    python benchmarks/audio_offsets.py --rigs 4 --opens 3 --seconds 8

Each rig runs in a process of its own, as takes do. Printed per rates: xruns, late callbacks, the error of
(speaker stamp - mouth stamp) against the ear's two channels, and whether delivery is bit-exact and constant.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from typing import Any

import numpy as np

from diag.record.audio.calibration import Found, burst, calibrate, find_burst
from diag.record.audio.ports import PortPlan, Rig
from diag.record.audio.rigs import open_farm, open_session
from diag.record.audio.tape import Mouth, StampFit, Tape, stamp_fit

RATES = ((24000, 16000), (16000, 16000), (48000, 48000), (24000, 44100))
SPACING_S = 0.6


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", default="virtual")
    parser.add_argument("--rigs", type=int, default=4)
    parser.add_argument("--opens", type=int, default=2, help="how often each rig is opened for each pair of rates")
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with open_farm(options.audio, rigs=options.rigs) as farm, context.Pool(options.rigs) as pool:
        print(dict(farm.environment))
        for speaker_hz, microphone_hz in RATES:
            jobs = [(rig, speaker_hz, microphone_hz, options.seconds) for rig in farm.rigs] * options.opens
            before = farm.server_underruns()
            sessions = pool.starmap(one_session, jobs, chunksize=1)
            _print(speaker_hz, microphone_hz, sessions)
            print(f"  underruns in the server's log {farm.server_underruns() - before}")


def one_session(rig: Rig, speaker_hz: int, microphone_hz: int, seconds: float) -> dict[str, Any]:
    """Open a rig, calibrate, play bursts for some seconds, close; gives what was measured, times in ms."""
    mouth, speaker, ear, microphone = Mouth(48000), Mouth(speaker_hz), Tape(48000, 2), Tape(microphone_hz)
    plan = PortPlan(
        mouth=mouth.pull, microphone=microphone.write, speaker=speaker.pull, ear=ear.write,
        microphone_rate_hz=microphone_hz, speaker_rate_hz=speaker_hz,
    )  # fmt: skip
    begin_s = time.perf_counter()
    session = open_session(rig, plan)
    calibrations = {item.port: item for item in asyncio.run(calibrate(mouth, speaker, ear, session))}
    ready_s = time.perf_counter() - begin_s
    said = []
    for _ in range(round(seconds / SPACING_S)):
        said.append((mouth.say(burst("mouth", 48000)), speaker.say(burst("speaker", speaker_hz))))
        time.sleep(SPACING_S)
    result = {"xruns": sum(session.xruns.values()), "late": len(session.late), "failed": session.failed}
    session.close()
    mouth_fit = stamp_fit(mouth.tape.stamps(), 48000)
    speaker_fit = stamp_fit(speaker.tape.stamps(), speaker_hz)
    ear_fit = stamp_fit(ear.stamps(), 48000)
    heard, captured = ear.samples(), microphone.samples()
    rows, exact = [], []
    for mouth_frame, speaker_frame in said:
        prompt = _near(mouth_fit, mouth_frame, ear_fit, heard[:, 0], "mouth")
        reply = _near(speaker_fit, speaker_frame, ear_fit, heard[:, 1], "speaker")
        at = round(prompt.frame)
        exact.append(np.array_equal(heard[at : at + 4800, 0], burst("mouth", 48000)))
        capture_from = max(0, round((at / 48000 - 0.25) * microphone_hz))
        capture = find_burst(burst("mouth", microphone_hz), captured[capture_from : capture_from + microphone_hz // 2])
        gap_s = (reply.frame - prompt.frame) / 48000
        stamped_s = speaker_fit.time_at(speaker_frame) - mouth_fit.time_at(mouth_frame)
        local_s = _local(speaker.tape, speaker_frame) - _local(mouth.tape, mouth_frame)
        rows.append(
            (
                stamped_s - gap_s, local_s - gap_s,
                prompt.frame / 48000 - mouth_frame / 48000, reply.frame / 48000 - speaker_frame / speaker_hz,
                (capture_from + capture.frame) / microphone_hz - prompt.frame / 48000,
                min(prompt.confidence, reply.confidence), capture.confidence,
            )
        )  # fmt: skip
    relative = None
    if calibrations["mouth"].delay_s is not None and calibrations["speaker"].delay_s is not None:
        relative = calibrations["speaker"].delay_s - calibrations["mouth"].delay_s
    return result | {
        "ready_s": ready_s,
        "relative_s": relative,
        "confidence": min(item.confidence for item in calibrations.values()),
        "rows": np.array(rows),
        "exact": sum(exact) / len(exact),
        "jitter_s": [mouth_fit.residual_p95_s, speaker_fit.residual_p95_s, ear_fit.residual_p95_s],
    }


def _near(fit: StampFit, frame: int, ear_fit: StampFit, heard: np.ndarray, port: str) -> Found:
    guess = round((fit.time_at(frame) - ear_fit.t0_s) * 48000)
    first = max(0, guess - 9600)
    found = find_burst(burst(port, 48000), heard[first : guess + 4800 + 9600])
    return Found(first + found.frame, found.confidence, found.signal_dbfs)


def _local(tape: Tape, frame: int) -> float:
    reach = tape.sample_rate_hz // 2
    return stamp_fit(tape.stamps(), tape.sample_rate_hz, start_frame=frame - reach, end_frame=frame + reach).time_at(
        frame
    )


def _print(speaker_hz: int, microphone_hz: int, sessions: list[dict[str, Any]]) -> None:
    rows = np.concatenate([session["rows"] for session in sessions])
    corrected = np.concatenate([s["rows"][:, 1] + s["relative_s"] for s in sessions if s["relative_s"] is not None])
    wander = [np.ptp(session["rows"][:, column]) * 48000 for session in sessions for column in (2, 3)]
    print(
        f"speaker {speaker_hz} microphone {microphone_hz}: {len(sessions)} sessions, {len(rows)} bursts,"
        f" xruns {sum(s['xruns'] for s in sessions)}, late {sum(s['late'] for s in sessions)},"
        f" failed {[s['failed'] for s in sessions if s['failed']]},"
        f" ready {max(s['ready_s'] for s in sessions):.2f} s,"
        f" confidence >= {min(s['confidence'] for s in sessions):.3f}"
    )
    print(f"  stamps of the take         {_spread(rows[:, 0])}")
    print(f"  stamps within half a second {_spread(rows[:, 1])}")
    print(f"  ... and calibrated bias     {_spread(corrected)}")
    relative = [s["relative_s"] * 1e3 for s in sessions if s["relative_s"] is not None]
    print(f"  calibrated bias, each open  {np.round(relative, 2)} ms")
    capture = [np.ptp(s["rows"][:, 4]) * microphone_hz for s in sessions]
    moved = [max(np.ptp(s["rows"][:, column]) * 48000 for column in (2, 3)) > 1 for s in sessions]
    flagged = [s["xruns"] > 0 for s in sessions]
    told = sum(map(min, moved, flagged))
    print(f"  sessions with lost or shifted audio {sum(moved)}, of these with an xrun counted {told}")
    print(
        f"  delivery bit-exact {min(s['exact'] for s in sessions):.2f}; wander of ear place within a take"
        f" {max(wander):.2f} frames; microphone to ear within a take {max(capture):.2f} frames"
    )
    print(
        f"  stamp jitter p95 mouth, speaker, ear {np.round(np.max([s['jitter_s'] for s in sessions], axis=0) * 1e3, 2)}"
    )


def _spread(values_s: np.ndarray) -> str:
    low, median, high = np.percentile(values_s, [0, 50, 100]) * 1e3
    p95 = np.percentile(np.abs(values_s), 95) * 1e3
    return f"median {median:+.3f} ms, p95 of size {p95:.3f} ms, from {low:+.3f} to {high:+.3f} ms"


if __name__ == "__main__":
    main()
