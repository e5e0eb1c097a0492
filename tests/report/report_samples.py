"""Made-up runs and takes of every kind, with a synthetic voice whose sound is known."""

from __future__ import annotations

import numpy as np

from diag.core.chain import Hop, Tap
from diag.core.client_config import ClientConfig
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import (
    Change,
    Comparison,
    Evidence,
    Finding,
    Measurement,
    Measurements,
    RuleOutcome,
    RunComparison,
    RunFinding,
    RunResult,
    Severity,
    Spot,
    Status,
    SummaryRow,
    TakeResult,
    Tier,
)
from diag.core.take import Take, Turn
from diag.core.timeline import Event, Timeline

STAGES = {
    "capture_delay_s": 0.021,
    "batching_delay_s": 0.031,
    "service_delay_s": 0.612,
    "leading_silence_s": 0.082,
    "playout_delay_s": 0.066,
    "device_delay_s": 0.043,
}
SPEECH_END_S = 1.3
ENVIRONMENT = {
    "endpoint": "emulator",
    "audio": "virtual",
    "python": "3.11.7",
    "packages": {"google-genai": "3.4.0", "numpy": "2.4.6"},
}
OPENED = {"devices": {"speaker": "rig0-speaker"}, "rates_hz": {"speaker": 24000}, "latency_s": {"speaker": 0.1}}


def voice(seconds: float, rate_hz: int, *, seed: int = 1, top_hz: float = 11000.0, speed: float = 1.0) -> np.ndarray:
    """Syllables of harmonics up to `top_hz`, played at `speed`; without sound in the last tenth."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz * speed
    pitch_hz = 110.0 + 6.0 * seed
    harmonics = np.arange(1, int(top_hz / pitch_hz))
    harmonics = harmonics[harmonics * pitch_hz * speed < rate_hz * 0.48]
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, harmonics.size)
    tone = sum(np.sin(2 * np.pi * pitch_hz * k * t + p) / k**0.7 for k, p in zip(harmonics, phases, strict=True))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * t), 0.0, None) ** 0.5
    syllables[int(t.size * 0.9) :] = 0.0
    sound = tone * syllables
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def take(
    take_id: str = "0001", *, speed: float = 1.0, answered: bool = True, heard: bool = True, seed: int = 1
) -> Take:
    """A take of one turn: prompt from 0.3 to 1.3 s, reply heard from about 2.15 s."""
    starts_s, total_s, reply_s = SPEECH_END_S + sum(STAGES.values()), 4.2, 1.0
    prompt, reply = voice(1.0, 48000), voice(reply_s, 24000, seed=seed + 2)
    slow = voice(reply_s / speed, 48000, seed=seed + 2, speed=speed)
    both = np.zeros((round(total_s * 48000), 2), dtype=np.float32)
    both[14400 : 14400 + prompt.size, 0] = prompt
    first = round(starts_s * 48000)
    if heard and answered:
        both[first : first + slow.size, 1] = slow
    clips = {
        Tap.PROMPT: Clip(samples=prompt, sample_rate_hz=48000, start_s=0.3),
        Tap.CAPTURED: Clip(samples=prompt[::3], sample_rate_hz=16000, start_s=0.31),
        Tap.SENT: Clip(samples=prompt[::3], sample_rate_hz=16000, start_s=0.33),
        Tap.HEARD: Clip(samples=both, sample_rate_hz=48000, start_s=0.0),
    }
    reply_spans = {}
    if answered:
        clips[Tap.RECEIVED] = Clip(samples=reply, sample_rate_hz=24000)
        clips[Tap.PLAYED] = Clip(samples=slow[::2], sample_rate_hz=24000, start_s=starts_s - 0.02)
        reply_spans = {Tap.RECEIVED: (0, reply.size), Tap.PLAYED: (0, slow[::2].size)}
        if heard:
            reply_spans[Tap.HEARD] = (first - 2400, first + slow.size + 2400)
    turn = Turn(
        index=0,
        prompt_name="en_hours",
        start_s=0.0,
        end_s=total_s,
        speech_start_s=0.3,
        speech_end_s=SPEECH_END_S,
        prompt_spans={
            Tap.PROMPT: (0, prompt.size),
            Tap.CAPTURED: (0, prompt.size // 3),
            Tap.SENT: (0, prompt.size // 3),
            Tap.HEARD: (12000, 66000),
        },
        reply_spans=reply_spans,
    )
    chunks = [
        Event(t_s=1.98 + 0.04 * k, name="chunk_received", source="service", data={"turn": 0, "frames": 960})
        for k in range(25 if answered else 0)
    ]
    return Take(
        id=take_id,
        scenario="any",
        config=ClientConfig(),
        environment=ENVIRONMENT,
        seed=7,
        clips=clips,
        timeline=Timeline((Event(t_s=0.0, name="streams_opened", source="audio", data=OPENED), *chunks)),
        turns=(turn,),
    )


def measurement(
    metric: str, value, *, unit: str = "s", missing: Missing | None = None, hop: Hop | None = None, tap=None
) -> Measurement:
    """One measurement of turn 0."""
    return Measurement(
        metric=metric,
        unit=unit,
        value=value,
        missing=missing,
        tier=Tier.WAVEFORM,
        turn=0,
        segment=hop.segment if hop else None,
        tap=tap,
    )


def finding(
    code: str = "PLY001",
    *,
    severity: Severity = Severity.ERROR,
    hop: Hop | None = Hop.PLAYER,
    consequence_of: str | None = None,
    title: str = "24000 Hz audio is played at 16000 Hz: 1.5 times too slow and 7 semitones too deep",
) -> Finding:
    """A finding with evidence that can be heard 0.9 s into the ear's recording of the reply."""
    return Finding(
        code=code,
        name="playback-rate-mismatch" if code == "PLY001" else "some-fault",
        severity=severity,
        hop=hop,
        title=title,
        evidence=(
            Evidence(
                text="rate_ratio of the player hop is 0.667",
                metric="rate_ratio",
                turn=0,
                spots=(Spot(Tap.HEARD, 2.3, 2.9),),
            ),
        ),
        likely_cause="the output stream was opened at 16000 Hz",
        fix="open the output stream at 24000 Hz, or resample to its rate",
        confidence=0.97,
        consequence_of=consequence_of,
    )


CHECKS = {
    "CFG001": "missing-audio-modality",
    "SND001": "send-rate-mismatch",
    "SVC001": "slow-first-audio",
    "PLY001": "playback-rate-mismatch",
    "SPK001": "speaker-silent",
}


def take_result(
    take_id: str = "0001",
    *,
    findings: tuple[Finding, ...] = (),
    ratio: float | None = 1.0,
    answered: bool = True,
    discarded: str | None = None,
    extra_s: float = 0.0,
) -> TakeResult:
    """The judgement of a take; without an answer the reply's measures have reasons instead of values."""
    no_reply = Missing(MissingCode.NO_TURN, "no reply was received")
    stages = {name: value + (extra_s if name == "service_delay_s" else 0.0) for name, value in STAGES.items()}
    items = [measurement("answered", 1.0 if answered else 0.0, unit="1")]
    for name, value in {**stages, "ttfa_heard_s": sum(stages.values()) + 0.002}.items():
        items.append(measurement(name, value if answered else None, missing=None if answered else no_reply))
    reply_ratio = ratio if answered else None
    items.append(measurement("rate_ratio", 1.0, unit="1", hop=Hop.SENDER))
    items.append(
        measurement(
            "rate_ratio", reply_ratio, unit="1", missing=no_reply if reply_ratio is None else None, hop=Hop.PLAYER
        )
    )
    items.append(measurement("dullness_db", 0.1 if answered else None, unit="dB",
                             missing=None if answered else no_reply, hop=Hop.PLAYER))  # fmt: skip
    raised = {item.code for item in findings}
    outcomes = tuple(
        RuleOutcome(code=code, name=name, status=Status.RAISED)
        if code in raised
        else RuleOutcome(code=code, name=name, status=Status.CLEAR)
        if answered or code in ("CFG001", "SND001")
        else RuleOutcome(code=code, name=name, status=Status.NOT_CHECKED, reason=no_reply.text)
        for code, name in CHECKS.items()
    )
    return TakeResult(
        id=take_id,
        prompt_names=("en_hours",),
        measurements=Measurements(tuple(items)),
        findings=findings,
        outcomes=outcomes,
        discarded=discarded,
    )


def run_result(name: str = "healthy", takes: tuple[TakeResult, ...] | None = None, title: str = "") -> RunResult:
    """A run of these takes with its summary and its findings worked out."""
    takes = takes if takes is not None else tuple(take_result(f"{n:04d}", extra_s=0.01 * n) for n in (1, 2, 3))
    counted = [item for item in takes if item.discarded is None]
    places = dict.fromkeys((m.metric, m.unit, m.segment, m.tap, m.turn) for item in counted for m in item.measurements)
    rows = []
    for metric, unit, segment, tap, turn in places:
        found = [
            m for item in counted for m in item.measurements if (m.metric, m.segment, m.tap) == (metric, segment, tap)
        ]
        values = sorted(m.value for m in found if m.value is not None)
        rows.append(
            SummaryRow(
                metric=metric,
                unit=unit,
                n=len(values),
                missing=len(found) - len(values),
                median=float(np.median(values)) if values else None,
                p95=None,
                low=values[0] if values else None,
                high=values[-1] if values else None,
                turn=turn,
                segment=segment,
                tap=tap,
            )
        )
    codes = dict.fromkeys(f.code for item in counted for f in item.findings)
    findings = []
    for code in codes:
        having = [(item, f) for item in counted for f in item.findings if f.code == code]
        findings.append(
            RunFinding(finding=having[0][1], take_ids=tuple(item.id for item, _ in having), counted=len(counted))
        )
    return RunResult(
        name=name,
        title=title or f"All about {name}",
        config=ClientConfig().model_dump(mode="json"),
        environment=ENVIRONMENT,
        takes=takes,
        summary=tuple(rows),
        findings=tuple(findings),
        folder=f"reports/runs/20261122-140500-{name}-7f3a",
        tool_version="0.1.0",
    )


def slow_player_run(n: int = 3) -> RunResult:
    """The player's rate is wrong in every take; one more take was discarded."""
    takes = [take_result(f"{k:04d}", findings=(finding(),), ratio=2 / 3) for k in range(1, n + 1)]
    late = take_result(f"{n + 1:04d}", discarded="the two detectors disagree by 23 ms (at most 10 ms)")
    return run_result("playback_16k", (*takes, late))


def mute_run() -> RunResult:
    """No reply in any take: a root finding with its consequence, and measures without values."""
    root = finding("CFG001", hop=Hop.SERVICE, title="the setup does not ask for AUDIO, and no audio came")
    after = finding("SVC002", hop=Hop.SERVICE, title="no reply within 8 s", consequence_of="CFG001")
    takes = tuple(take_result(f"{k:04d}", findings=(root, after), answered=False) for k in (1, 2, 3))
    return run_result("missing_audio_modality", takes)


def comparison(a: str = "healthy", b: str = "playback_16k") -> RunComparison:
    """One measure worse, one better, one tie, one with too few pairs, one not measured."""

    def line(metric, verdict, *, values=(1.0, 1.2), difference=0.2, interval=(0.1, 0.3), reason=None):
        return Comparison(
            metric=metric,
            unit="s",
            a=values[0],
            b=values[1],
            difference=difference,
            interval=interval,
            n_pairs=5,
            verdict=verdict,
            reason=reason,
        )

    return RunComparison(
        a=a,
        b=b,
        sentence="the player of B opens its stream at 16000 Hz",
        config_diff=(("playback.sample_rate_hz", 24000, 16000),),
        setup_diff=(("generationConfig.responseModalities", None, ["AUDIO"]),),
        environment_diff=(("versions.diag", "0.1.0", "0.1.1"),),
        comparisons=(
            line("ttfb_s", Change.NONE_SHOWN, values=(1.0, 1.0), difference=0.0, interval=(-0.01, 0.01)),
            line("playout_delay_s", Change.BETTER, difference=-0.02, interval=(-0.03, -0.01)),
            line("ttfa_heard_s", Change.WORSE),
            line("first_speech_s", Change.TOO_FEW, interval=None, reason="5 pairs; 6 are needed"),
            line("drift_ppm", Change.TOO_FEW, values=(1.0, None), difference=None, interval=None, reason="no reply"),
        ),
        verdict=Change.WORSE,
    )
