"""The report's words: states, verdict lines, labels of measures, values with their unit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from diag.chain import Hop, Tap
from diag.errors import ExitCode
from diag.gate import exit_code
from diag.results import Change, Finding, Report, RuleOutcome, RunFinding, RunResult, Severity, Status, SummaryRow
from diag.units import format_value


class State(StrEnum):
    """How a thing is shown. Four states, each with a shape, a word and a colour."""

    FAILS = "fails"
    WATCH = "watch"
    GOOD = "good"
    UNKNOWN = "unknown"

    @property
    def shape(self) -> str:
        """A mark that needs no colour to be told from the others."""
        return {"fails": "▲", "watch": "■", "good": "●", "unknown": "○"}[self.value]

    @property
    def word(self) -> str:
        """The word beside the mark."""
        return "not measured" if self is State.UNKNOWN else self.value

    @property
    def rank(self) -> int:
        """3 for the worst; not measured stands above good, for it may hide anything."""
        return {"fails": 3, "watch": 2, "unknown": 1, "good": 0}[self.value]


def state_of(severity: Severity) -> State:
    """The state that a finding of this severity gives to its place."""
    return {Severity.ERROR: State.FAILS, Severity.WARNING: State.WATCH, Severity.INFO: State.UNKNOWN}[severity]


def word_of(severity: Severity) -> str:
    """The word beside a finding's mark."""
    return "note" if severity is Severity.INFO else state_of(severity).word


@dataclass(frozen=True)
class VerdictLine:
    """The first lines of a report: a state, one or two words in capitals, one sentence, what to do first."""

    state: State
    word: str
    sentence: str
    next_step: str = ""


_CAPITALS = re.compile(r"^([A-Z][A-Z ]+[A-Z])(?:\s{2,}|: )(.+)$", re.DOTALL)


def verdict_line(report: Report) -> VerdictLine:
    """What the report says first.

    The words of `report.verdict` are kept where it has any ("NOT READY  sentence"); the state always follows from
    the findings, never from the words.
    """
    own = _own_verdict(report)
    given = report.verdict.strip()
    if not given:
        return own
    match = _CAPITALS.match(given)
    word, sentence = match.groups() if match else (own.word, given)
    return VerdictLine(own.state, word, capitalised(sentence), own.next_step)


def _own_verdict(report: Report) -> VerdictLine:
    if report.extra.get("bench"):
        return _bench_verdict(report)
    if not any(run.counted for run in report.runs):
        return VerdictLine(State.UNKNOWN, "NOTHING MEASURED", nothing_measured(report.runs))
    if report.comparisons:
        worst = min(report.comparisons, key=lambda item: list(_CHANGES).index(item.verdict))
        state, word = _CHANGES[worst.verdict]
        sentence = full_stop(capitalised(worst.sentence))
        next_step = _readiness(report).next_step
        told = next_step.rstrip(".").lower() in sentence.lower()
        return VerdictLine(state, word.upper(), sentence, "" if told else next_step)
    return _readiness(report)


def _bench_verdict(report: Report) -> VerdictLine:
    rows = report.extra["bench"]
    said = f"{sum(bool(row['passed']) for row in rows)} of {len(rows)} scenarios show exactly what they must show."
    code = exit_code(report)
    if code is ExitCode.GOOD:
        return VerdictLine(State.GOOD, "AS EXPECTED", said)
    if code is ExitCode.FAILED:
        return VerdictLine(State.FAILS, "NOT AS EXPECTED", said)
    return VerdictLine(State.UNKNOWN, _HEADLINES[code], said)


_CHANGES = {
    Change.WORSE: (State.FAILS, "worse"),
    Change.TOO_FEW: (State.UNKNOWN, "too few takes"),
    Change.NONE_SHOWN: (State.GOOD, "no clear difference"),
    Change.BETTER: (State.GOOD, "better"),
}


def call_of(change: Change) -> tuple[State, str]:
    """State and words of one line of a comparison."""
    return _CHANGES[change]


_HEADLINES = {
    ExitCode.GOOD: "READY",
    ExitCode.FAILED: "NOT READY",
    ExitCode.CANNOT_MEASURE: "NOT MEASURED",
    ExitCode.TOO_LITTLE_EVIDENCE: "TOO FEW TAKES",
}


def _readiness(report: Report) -> VerdictLine:
    code = exit_code(report)
    roots = [(run, found) for run in report.runs for found in run.findings if found.finding.consequence_of is None]
    roots.sort(key=lambda pair: -pair[1].finding.severity.rank)
    shown = [pair for pair in roots if pair[1].finding.severity is not Severity.INFO]
    if not shown:
        counted = sum(len(run.counted) for run in report.runs)
        if not any(outcome.status is Status.CLEAR for run in report.runs for outcome in outcomes_of(run)):
            return VerdictLine(State.UNKNOWN, "NOTHING CHECKED", "No check could be made: see what was not measured.")
        state = State.GOOD if code is ExitCode.GOOD else State.UNKNOWN
        return VerdictLine(state, _HEADLINES[code], f"No fault found in {counted_of(counted, counted, 'take')}.")
    run, worst = shown[0]
    place = f"{run.name}: " if len(report.runs) > 1 else ""
    more = len(shown) - 1
    tail = f" {more} more {plural(more, 'finding')} below." if more else ""
    sentence = f"{place}{full_stop(capitalised(worst.finding.title))} {times_found(worst)}.{tail}"
    states = {ExitCode.GOOD: State.WATCH, ExitCode.FAILED: State.FAILS}
    next_step = full_stop(capitalised(worst.finding.remedy))
    return VerdictLine(states.get(code, State.UNKNOWN), _HEADLINES[code], sentence, next_step)


def measured_line(report: Report) -> str:
    """How much was measured, and of what: which service answered, and how sound travelled."""
    made = sum(len(run.takes) for run in report.runs)
    counted = sum(len(run.counted) for run in report.runs)
    places = {
        name: ", ".join(dict.fromkeys(str(run.environment[name]) for run in report.runs if run.environment.get(name)))
        for name in ("endpoint", "audio")
    }
    parts = [f"{counted_of(counted, made, 'take')} counted, {made - counted} discarded"]
    if places["endpoint"] == "emulator":
        parts.append("answered by the emulator, not by the real service")
    elif places["endpoint"]:
        parts.append(f"answered by {places['endpoint']}")
    if places["audio"]:
        parts.append(f"audio {places['audio']}")
    return f"{'; '.join(parts)}."


def outcomes_of(run: RunResult) -> Iterator[RuleOutcome]:
    """Every check of the counted takes, and of the run."""
    for take in run.counted:
        yield from take.outcomes
    yield from run.outcomes


def nothing_measured(runs: Sequence[RunResult]) -> str:
    """Why there is no verdict."""
    reasons = sorted({take.discarded for run in runs for take in run.takes if take.discarded})
    made = sum(len(run.takes) for run in runs)
    if not made:
        return "There is no take to judge."
    return f"All {made} takes were discarded: {'; '.join(reasons)}."


def times_found(found: RunFinding) -> str:
    """In how many of the counted takes a finding was made."""
    if found.counted == 0:
        return "Seen over the whole run"
    return f"Found in {counted_of(len(found.take_ids), found.counted, 'take')}"


def how_sure(finding: Finding) -> str:
    """A confidence as a word and its figure."""
    word = "high" if finding.confidence >= 0.9 else "medium" if finding.confidence >= 0.7 else "low"
    return f"{word} ({finding.confidence:.2f} of 1)"


def counted_of(k: int, n: int, noun: str) -> str:
    """'3 of 12 takes'."""
    return f"{k} of {n} {plural(n, noun)}"


def plural(n: int, noun: str) -> str:
    """The noun, with an s unless there is one."""
    return noun if n == 1 else f"{noun}s"


def capitalised(text: str) -> str:
    """First letter large, the rest untouched; a name that must keep its spelling is left alone."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.isalpha() else text


def full_stop(text: str) -> str:
    """A sentence that ends like one."""
    text = text.strip()
    return text if not text or text[-1] in ".!?" else f"{text}."


def spread(row: SummaryRow) -> str:
    """Median, range and n of a summary row."""
    if row.median is None:
        return "not measured"
    if row.n == 1 or row.low is None or row.high is None:
        return f"{figure(row.median, row.unit)} (n {row.n})"
    median, low, high = alike((row.median, row.low, row.high), row.unit)
    return f"{median} ({low} to {high}, n {row.n})"


def alike(values: Sequence[float], unit: str) -> list[str]:
    """Values in one unit: all in seconds where one of them needs seconds, so that they can be compared at a glance."""
    if unit == "s" and max(abs(value) for value in values) >= 0.9995:
        return [f"{value:.2f} s" for value in values]
    return [figure(value, unit) for value in values]


def figure(value: float | Sequence[float | None] | None, unit: str) -> str:
    """A value with its unit; the members of a vector one after the other."""
    if isinstance(value, Sequence):
        return ", ".join(figure(item, unit) if item is not None else "–" for item in value)
    if value is not None and unit in ("1", "") and 0.01 <= abs(value) < 10:
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if value is not None and unit == "Hz" and abs(value) >= 1000:
        return f"{value / 1000:.1f} kHz"
    text = format_value(value, unit)
    # What rounds to nothing has no sign.
    return text.removeprefix("-") if text.startswith("-") and not re.search("[1-9]", text) else text


def signed(value: float | None, unit: str) -> str:
    """A difference with its sign."""
    if value is None:
        return "not measured"
    text = figure(abs(value), unit)
    return f"±{text}" if value == 0 else f"{'+' if value > 0 else '−'}{text}"


_LABELS = {
    "answered": "Answered",
    "ttfb_s": "First byte received",
    "ttfa_received_s": "First audio received",
    "ttfa_heard_s": "First audio heard",
    "first_speech_s": "First speech heard",
    "capture_delay_s": "Capture",
    "batching_delay_s": "Batching",
    "service_delay_s": "Service",
    "leading_silence_s": "Leading silence",
    "playout_delay_s": "Playout buffer",
    "device_delay_s": "Playback device",
    "ttfa_events_s": "First audio heard, by events",
    "detector_gap_s": "Two detectors differ by",
    "rate_ratio": "Speed",
    "time_ratio": "Speed, from time alone",
    "drift_ppm": "Clock drift",
    "hop_delay_s": "Delay of the hop",
    "dullness_db": "Treble lost",
    "dullness_bands_db": "Treble lost, by band",
    "bandwidth_hz": "Bandwidth",
    "tilt_db_per_octave": "Spectral tilt",
    "centroid_hz": "Spectral centroid",
    "imaging": "Resampling images",
    "image_level_db": "Level of resampling images",
    "inserted_silence_s": "Silence inserted",
    "dropout_count": "Dropouts",
    "skipped_s": "Audio skipped",
    "repeated_s": "Audio repeated",
    "repeated_chunks": "Chunks that came twice",
    "click_rate_hz": "Clicks per second",
    "clipping_rate_hz": "Clipping per second",
    "flatness": "Spectral flatness",
    "equal_pairs": "Samples equal in pairs",
    "tonality_db": "Tonality",
    "dc_dbfs": "DC offset",
    "level_lufs": "Loudness",
    "peak_dbfs": "Peak",
    "echo_db": "Echo",
    "arrival_jitter_s": "Arrival jitter",
    "realtime_factor_min": "Slowest delivery",
    "buffer_needed_s": "Buffer needed",
    "realtime_ratio": "Audio sent per second",
    "dnsmos_sig": "DNSMOS, speech",
    "dnsmos_bak": "DNSMOS, background",
    "dnsmos_ovrl": "DNSMOS, overall",
    "dnsmos_p808": "DNSMOS, P.808",
    "pesq_wb": "PESQ, wide band",
    "visqol": "ViSQOL",
}


def label(metric: str) -> str:
    """A measure's name in words; its id where there are none."""
    return _LABELS.get(metric, capitalised(metric.replace("_", " ")))


def place(hop: Hop | None, tap: Tap | None, turn: int | None = None) -> str:
    """Where something was measured: 'player hop', 'heard, turn 2', or nothing."""
    parts = [f"{hop.value} hop"] if hop else [f"{tap.value} tap"] if tap else []
    if turn is not None and turn > 0:
        parts.append(f"turn {turn + 1}")
    return ", ".join(parts)
