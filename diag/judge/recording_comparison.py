"""Compare two recordings: what differs, which one is better, and what could not be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import Any, Literal

from diag.core.messages import fixed_text, msg
from diag.core.results import SCHEMA_VERSION, Finding, Measurement, Measurements, Severity, Tier
from diag.core.units import format_seconds, format_value, with_minus
from diag.dsp.dullness import BANDS_HZ
from diag.judge.comparison import badness
from diag.judge.evidence import changed_sound
from diag.judge.limits import PASSBAND_SHARE, TREBLE_WARNING_DB
from diag.judge.proof import by_reason
from diag.judge.recording_result import AnalysisResult
from diag.judge.registry import all_rules
from diag.measure.registry import MetricKind, metric_named

OTHER_WORDS = {
    "bandwidth_hz": 5600.0,
    "tilt_db_per_octave": 6.0,
    "centroid_hz": 2700.0,
    "click_rate_hz": 0.35,
    "clipping_rate_hz": 0.1,
    "dropout_count": 0.5,
    "flatness": 0.015,
    "imaging": 0.18,
    "level_lufs": 5.7,
    "peak_dbfs": 5.8,
    "tonality_db": 27.0,
}
"""Largest difference of measures between recordings of one voice with other words that is not reported. 99 % of 96
pairs of recordings of 16 voices differ by less. Direct current differs so much that only its own limit is used."""
SAME_WORDS = {"tilt_db_per_octave": 0.5, "centroid_hz": 300.0}
"""The same for recordings of the same words, for measures that declare no tolerance."""
_NAMED_IN_SENTENCE = 2

Side = Literal["a", "b", ""]


class RecordingChange(StrEnum):
    """Result of comparing recording B with recording A."""

    BETTER = "better"
    WORSE = "worse"
    DIFFERENT = "different"
    """They differ, but which one is right cannot be told."""
    NONE_FOUND = "no_difference_found"
    NOT_COMPARED = "not_everything_compared"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that differs.

    Parameters
    ----------
    worse : {"a", "b", ""}
        The recording that has the fault; empty if that cannot be told.
    words : str
        A sentence without its full stop.
    rank : int
        As `Severity.rank`.
    code : str
        Code of the finding behind it; empty if it follows from measures.
    """

    worse: Side
    words: str
    rank: int
    code: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {"worse": self.worse or None, "words": self.words, "code": self.code or None}


@dataclass(frozen=True, kw_only=True)
class MeasureDifference:
    """One measure that differs beyond its measurement noise.

    `a` and `b` are None for a measure of the pair, whose value is then the `difference`.
    """

    metric: str
    unit: str
    a: float | None
    b: float | None
    difference: float
    noise: float
    worse: Side

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "metric": self.metric, "unit": self.unit, "a": self.a, "b": self.b, "difference": self.difference,
            "noise": self.noise, "worse": self.worse or None,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RecordingComparison:
    """Two recordings, and how the second differs from the first.

    Parameters
    ----------
    a, b : AnalysisResult
        Each by itself, or against the common reference.
    pair : AnalysisResult or None
        B against A. None if one could not be read.
    matched : bool
        Whether both hold the same sound, so that they were compared as input and output.
    differences : tuple of Difference
        The most severe first.
    measures : tuple of MeasureDifference
    not_compared : tuple of str
        What was not compared, and why.
    sentence : str
        The result in one sentence, without a full stop.
    """

    a: AnalysisResult
    b: AnalysisResult
    pair: AnalysisResult | None
    matched: bool
    differences: tuple[Difference, ...]
    measures: tuple[MeasureDifference, ...]
    not_compared: tuple[str, ...]
    verdict: RecordingChange
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "schema_version": SCHEMA_VERSION,
            "a": self.a.to_json(),
            "b": self.b.to_json(),
            "b_against_a": self.pair.to_json() if self.pair else None,
            "same_sound": self.matched,
            "verdict": self.verdict.value,
            "sentence": self.sentence,
            "differences": [item.to_json() for item in self.differences],
            "measures": [item.to_json() for item in self.measures],
            "not_compared": list(self.not_compared),
        }


def compare_results(
    a: AnalysisResult, b: AnalysisResult, pair: AnalysisResult | None, back: AnalysisResult | None
) -> RecordingComparison:
    """Return how recording B differs from recording A.

    Parameters
    ----------
    a, b : AnalysisResult
        Each by itself, or both against the same reference.
    pair, back : AnalysisResult or None
        B against A, and A against B; None if one could not be read.
    """
    matched = pair is not None and back is not None and (_same_sound(pair) or _same_sound(back))
    found = list(_own_differences(a, b))
    if matched and pair is not None and back is not None and a.reference is None:
        of_pair = list(_pair_differences(pair, back, a, b))
        explained = {item.code for item in of_pair}
        # What is not worse in the pair was there before: only errors by themselves are told besides.
        worse = (item for item in found if item.rank == Severity.ERROR.rank and not explained & _causes(item.code))
        found = [*of_pair, *worse]
    measures = tuple(_measures(a, b, pair if matched else None))
    if not matched:
        found += _measure_differences(measures, a, b)
    unread = [item.refused for item in (a, b) if item.refused is not None]
    missing = [*unread] if unread else list(_not_compared(a, b, pair, back, matched=matched))
    found.sort(key=lambda item: -item.rank)
    verdict = RecordingChange.NOT_COMPARED if unread else _verdict(found, missing)
    return RecordingComparison(
        a=a,
        b=b,
        pair=pair,
        matched=matched,
        differences=tuple(found),
        measures=measures,
        not_compared=tuple(missing),
        verdict=verdict,
        sentence=_sentence(a, b, found, missing, verdict, matched=matched, unread=bool(unread)),
    )


def _same_sound(pair: AnalysisResult) -> bool:
    """Return whether the recordings match: their speeds could be compared, or the bytes of one are read wrongly."""
    compared = (item for item in pair.measurements.find("rate_ratio") if item.segment is not None)
    misread = any(item.segment is not None and _measure_of(item) == "misread_s" for item in _roots(pair.findings))
    return misread or any(isinstance(item.value, float) for item in compared)


def _roots(findings: Iterable[Finding]) -> list[Finding]:
    return [item for item in findings if item.consequence_of is None and item.severity is not Severity.INFO]


def _measure_of(finding: Finding) -> str:
    return next((item.metric for item in finding.evidence if item.metric), "")


# --- findings -------------------------------------------------------------------------------------------------------


def _own_differences(a: AnalysisResult, b: AnalysisResult) -> Iterator[Difference]:
    """Yield the findings that only one side has, by itself or against the common reference."""
    codes = [{item.code for item in side.findings} for side in (a, b)]
    for worse, side, others in (("a", a, codes[1]), ("b", b, codes[0])):
        for finding in _roots(side.findings):
            if finding.code not in others:
                words = msg("{name}: {title} [{code}]", name=side.name, title=finding.title, code=finding.code)
                yield Difference(worse=_side(worse), words=words, rank=finding.severity.rank, code=finding.code)


def _side(name: str) -> Side:
    return "a" if name == "a" else "b" if name == "b" else ""


def _causes(code: str) -> set[str]:
    """Return the codes that explain a finding."""
    return {cause for rule in all_rules() if rule.code == code for cause in rule.explained_by}


_EXTRA = ("inserted_silence_s", "repeated_s")
"""Additions that look like a loss from the other side."""
_MOSTLY = 0.8
_BAND_LIMITED = "player-band-limited"
_FURTHER = 1.2
"""A resampler leaves a little above half of the lower rate."""
_GARBAGE = ("misread_s", "flatness", "equal_pairs")
"""Measures of bytes that were read wrongly."""
_LOST = ("skipped_s", "head_lost_s", "tail_lost_s")
_NEUTRAL = (
    *_LOST, "level_change_db", "level_pumping_db", "tone_change_db", "rate_ratio", "time_ratio", "displaced_s",
    "other_sound_s", "hop_delay_s",
)  # fmt: skip
"""Differences that do not show which side is right."""
_ADDED = ("added_dc_dbfs", "added_noise_db", "added_hum_db", "added_tone_db", "reverberation_db")
_HIDDEN_BY_SOUND = (*_LOST, "other_sound_s", "dullness_db", "inserted_silence_s", "level_change_db", "distortion_db")
"""Against a sound with something on top, the sound without it seems to have lost this."""
_FOLLOW_A_COPY = ("distortion_db", "reverberation_db", "aliasing_db")
"""Measured too where a sound is held against itself with a copy on top."""
_LIKE_EITHER = {
    "second_copy_db": msg("a second copy of the sound"),
    "distortion_db": msg("distortion"),
    "added_noise_db": msg("noise"),
    "reverberation_db": msg("reverberation"),
}
"""What each seems to add to the other, in words."""


def _pair_differences(
    pair: AnalysisResult, back: AnalysisResult, a: AnalysisResult, b: AnalysisResult
) -> Iterator[Difference]:
    """Yield what one recording has or lacks against the other, each difference once.

    What one side seems to have lost is often what the other one has besides, and is then left out. If that leaves none
    of the findings, all are told: recordings that differ are never called alike.
    """
    told = list(_once(pair, back, a, b))
    if told:
        yield from told
        return
    for result, other, own in ((pair, a, b), (back, b, a)):
        for finding in _on_segment(result):
            words = _pair_words(finding, _measure_of(finding), result, own.name, other.name)
            yield Difference(worse="", words=words, rank=finding.severity.rank, code=finding.code)


def _once(pair: AnalysisResult, back: AnalysisResult, a: AnalysisResult, b: AnalysisResult) -> Iterator[Difference]:
    sides = [(pair, back, a, b, "b"), (back, pair, b, a, "a")]
    both = {_measure_of(item) for item in _on_segment(pair)} & {_measure_of(item) for item in _on_segment(back)}
    narrower = _narrower(a, b)
    told: set[str] = set()
    for result, opposite, other, own, name in sides:
        for finding in _on_segment(result):
            metric = _measure_of(finding)
            either = metric in both and metric not in _LOST
            if metric == "aliasing_db" and either and narrower:
                # Against a sound without an upper half, the whole sound seems to have aliasing too.
                if narrower != name:
                    continue
                either = False
            if finding.name == _BAND_LIMITED and metric != "dullness_db" and not _reaches_further(other, own):
                continue  # the other sample rate is higher, but there is nothing above
            neutral = metric in _NEUTRAL or either
            again = neutral and metric in told and metric not in _LOST
            if again or _seen_from_the_other_side(metric, result, opposite):
                continue
            told.add(metric)
            words = _pair_words(finding, metric, result, own.name, other.name)
            if either and metric not in _NEUTRAL:
                words = msg("{a} and {b} differ by this: {title}", a=a.name, b=b.name, title=finding.title)
                if metric in _LIKE_EITHER:
                    words = msg("{a} and {b} differ by {what}", a=a.name, b=b.name, what=_LIKE_EITHER[metric])
            yield Difference(
                worse="" if neutral else _side(name),
                words=words,
                rank=finding.severity.rank,
                code=finding.code,
            )


def _seen_from_the_other_side(metric: str, result: AnalysisResult, opposite: AnalysisResult) -> bool:
    """Return whether a difference follows from what the other recording has or lacks, and is told about that one."""
    mirrored = {_measure_of(item) for item in _on_segment(opposite)}
    covered = any(item.metric in _ADDED for finding in _on_segment(opposite) for item in finding.evidence)
    lost_there = bool(mirrored & set(_LOST))
    follows = (
        # Nothing can be told by holding a sound against garbage.
        bool(mirrored & set(_GARBAGE)),
        metric in _HIDDEN_BY_SOUND and covered,
        metric in _LOST and _explains(opposite, result),
        metric in _EXTRA and lost_there and not _explains(result, opposite),
        metric == "other_sound_s" and lost_there,
        # Chunks that overlap look like a copy from the other side.
        metric == "second_copy_db" and "displaced_s" in mirrored,
        metric in _FOLLOW_A_COPY and "second_copy_db" in mirrored,
    )
    return any(follows)


def _explains(extra: AnalysisResult, lost: AnalysisResult) -> bool:
    """Return whether what one side inserts or repeats is all that the other side seems to have lost."""
    added_s = sum(extra.measurements.value(name) or 0.0 for name in _EXTRA)
    lost_s = sum(lost.measurements.value(name) or 0.0 for name in _LOST)
    return added_s >= _MOSTLY * lost_s > 0.0


def _edge_hz(result: AnalysisResult) -> float:
    found = next((item.value for item in _alone(result) if item.metric == "bandwidth_hz"), None)
    return min(found if isinstance(found, float) else 0.0, result.sample_rate_hz / 2)


def _reaches_further(one: AnalysisResult, other: AnalysisResult) -> bool:
    return _edge_hz(one) > _FURTHER * other.sample_rate_hz / 2


def _narrower(a: AnalysisResult, b: AnalysisResult) -> Side:
    """Return the recording whose content ends lower; empty if both reach equally high."""
    edges = [_edge_hz(side) for side in (a, b)]
    if abs(edges[0] - edges[1]) <= (1 - PASSBAND_SHARE) * max(edges):
        return ""
    return "a" if edges[0] < edges[1] else "b"


def _on_segment(result: AnalysisResult) -> list[Finding]:
    return [item for item in _roots(result.findings) if item.segment is not None]


def _values_of(x: str, y: str, value: float) -> dict[str, object]:
    """Return the values of the sentences below: `x` has something, `y` does not have it."""
    return {"x": x, "y": y, "value": value, "size": abs(value), "length": format_seconds(value)}


_PAIR_WORDS: dict[str, Callable[[str, str, float], str]] = {
    "inserted_silence_s": lambda x, y, v: msg(
        "{x} has {length} of silence that {y} does not have", **_values_of(x, y, v)
    ),
    "repeated_s": lambda x, y, v: msg("{x} repeats {length} of the sound", **_values_of(x, y, v)),
    "click_rate_hz": lambda x, y, v: msg(
        "{x} has {value:.1f} clicks per second that {y} does not have", **_values_of(x, y, v)
    ),
    "imaging": lambda x, y, v: msg(
        "{x} has mirror images of a poor resampler, which {y} does not have", **_values_of(x, y, v)
    ),
    "aliasing_db": lambda x, y, v: msg(
        "{x} has aliasing that {y} does not have ({value:.0f} dB relative to the voice)", **_values_of(x, y, v)
    ),
    "distortion_db": lambda x, y, v: msg("{x} is distorted, {y} is not", **_values_of(x, y, v)),
    "clipping_rate_hz": lambda x, y, v: msg("{x} is clipped where {y} is not", **_values_of(x, y, v)),
    "second_copy_db": lambda x, y, v: msg(
        "{x} has a second copy of the sound ({value:.0f} dB) that {y} does not have", **_values_of(x, y, v)
    ),
    "misread_s": lambda x, y, v: msg("the bytes of {x} are read wrongly, those of {y} are not", **_values_of(x, y, v)),
    "flatness": lambda x, y, v: msg("{x} is noise, as misread bytes sound, where {y} is not", **_values_of(x, y, v)),
    "added_noise_db": lambda x, y, v: msg(
        "{x} has noise that {y} does not have ({value:.0f} dB relative to the voice)", **_values_of(x, y, v)
    ),
    "added_hum_db": lambda x, y, v: msg(
        "{x} has hum that {y} does not have ({value:.0f} dB relative to the voice)", **_values_of(x, y, v)
    ),
    "added_tone_db": lambda x, y, v: msg(
        "{x} has a tone that {y} does not have ({value:.0f} dB relative to the voice)", **_values_of(x, y, v)
    ),
    "added_dc_dbfs": lambda x, y, v: msg(
        "{x} has a DC offset that {y} does not have ({value:.0f} dBFS)", **_values_of(x, y, v)
    ),
    "reverberation_db": lambda x, y, v: msg(
        "{x} has reverberation that {y} does not have ({value:.0f} dB)", **_values_of(x, y, v)
    ),
    "other_sound_s": lambda x, y, v: msg(
        "{x} has {length} of other sound that {y} does not have", **_values_of(x, y, v)
    ),
    "level_change_db": lambda x, y, v: (
        msg("{x} is {size:.0f} dB louder than {y}", **_values_of(x, y, v))
        if v > 0
        else msg("{x} is {size:.0f} dB quieter than {y}", **_values_of(x, y, v))
    ),
    "level_pumping_db": lambda x, y, v: msg(
        "the level of {x} goes up and down by {value:.0f} dB against {y}", **_values_of(x, y, v)
    ),
    "tone_change_db": lambda x, y, v: msg(
        "{x} has another tone colour than {y}: {size:.0f} dB in one band", **_values_of(x, y, v)
    ),
    "rate_ratio": lambda x, y, v: msg("{x} is {sound} than {y}", x=x, y=y, sound=changed_sound(v)),
    "time_ratio": lambda x, y, v: msg(
        "{x} lasts {times:.3g} times as long as {y}, at a pitch that did not change with it", x=x, y=y, times=1 / v
    ),
    "displaced_s": lambda x, y, v: msg("parts of {x} are in another place than in {y}", **_values_of(x, y, v)),
    "peak_dbfs": lambda x, y, v: msg("{x} is silent where {y} has sound", **_values_of(x, y, v)),
}


def _pair_words(finding: Finding, metric: str, result: AnalysisResult, own: str, other: str) -> str:
    """Return a difference as a sentence about `own`, the output of the pair, and `other`, its input."""
    return with_minus(_phrase(finding, metric, result, own, other))


def _phrase(finding: Finding, metric: str, result: AnalysisResult, own: str, other: str) -> str:
    value = next((item.value for item in result.measurements.find(metric) if item.segment is not None), None)
    if metric in _LOST:
        return _lost_words(finding, result.measurements, own, other)
    if metric == "dullness_db" or finding.name == _BAND_LIMITED:
        return msg("{own} has lost treble {where} that {other} has", own=own, where=_treble_words(result), other=other)
    if metric in _PAIR_WORDS and (isinstance(value, float) or metric in _WITHOUT_VALUE):
        return _PAIR_WORDS[metric](own, other, value if isinstance(value, float) else 0.0)
    return msg("{own} against {other}: {title}", own=own, other=other, title=finding.title)


_WITHOUT_VALUE = ("misread_s", "flatness", "clipping_rate_hz", "imaging", "peak_dbfs")
"""Measures whose words need no value of the pair."""


def _lost_words(finding: Finding, measurements: Measurements, own: str, other: str) -> str:
    named = {item.metric for item in finding.evidence}
    where = {
        "head_lost_s": msg("at the beginning"),
        "tail_lost_s": msg("at the end"),
        "skipped_s": msg("in the middle"),
    }
    parts = [(where[metric], measurements.value(metric) or 0.0) for metric in where if metric in named]
    total_s = sum(value for _, value in parts)
    places = reduce(lambda one, another: msg("{one} and {other}", one=one, other=another), [at for at, _ in parts])
    return msg("{own} lacks {length} of sound that {other} has, {places}", own=own, length=format_seconds(total_s),
               other=other, places=places)  # fmt: skip


def _treble_words(result: AnalysisResult) -> str:
    bands = next(
        (item.value for item in result.measurements.find("dullness_bands_db") if item.segment is not None), None
    )
    lost = [
        (low, value)
        for (low, _), value in zip(BANDS_HZ, bands if isinstance(bands, tuple) else (), strict=False)
        if value is not None and value >= TREBLE_WARNING_DB
    ]
    if lost:
        most_db = max(value for _, value in lost)
        return msg("above {edge_khz:g} kHz (−{loss_db:.0f} dB)", edge_khz=lost[0][0] / 1000, loss_db=most_db)
    return msg("above {edge_khz:.1f} kHz", edge_khz=PASSBAND_SHARE * result.sample_rate_hz / 2000)


# --- measures -------------------------------------------------------------------------------------------------------


def _measures(a: AnalysisResult, b: AnalysisResult, pair: AnalysisResult | None) -> Iterator[MeasureDifference]:
    """Yield the measures that differ beyond their noise: of each recording by itself, then of the pair."""
    own_b = {item.metric: item.value for item in _alone(b)}
    for item in _alone(a):
        metric = metric_named(item.metric, MetricKind.TAP)
        noise = _noise(item.metric, same_words=pair is not None)
        value = own_b.get(item.metric)
        if metric is None or noise is None or not isinstance(item.value, float) or not isinstance(value, float):
            continue
        if abs(value - item.value) > noise:
            worse: Side = ""
            if metric.better != "none":
                change = badness(metric.better, value) - badness(metric.better, item.value)
                worse = "b" if change > 0 else "a"
            yield MeasureDifference(
                metric=item.metric, unit=item.unit, a=item.value, b=value, difference=value - item.value,
                noise=noise, worse=worse,
            )  # fmt: skip
    for item in pair.measurements if pair else ():
        metric = metric_named(item.metric, MetricKind.SEGMENT)
        if item.segment is None or metric is None or not isinstance(item.value, float) or metric.unit == "ppm":
            continue
        neutral = 1.0 if metric.better == "one" else 0.0
        if metric.better in ("one", "zero") and abs(item.value - neutral) > metric.tolerance:
            yield MeasureDifference(
                metric=item.metric, unit=item.unit, a=None, b=None, difference=item.value, noise=metric.tolerance,
                worse="",
            )  # fmt: skip


_NOT_ALONE = ("rate_ratio", "dc_dbfs")
"""Measures with a limit of their own, below which a difference cannot be heard."""


def _alone(result: AnalysisResult) -> list[Measurement]:
    return [
        item
        for item in result.measurements
        if item.segment is None and item.tap == result.tap and item.tier is Tier.BLIND and item.metric not in _NOT_ALONE
    ]


def _noise(metric: str, *, same_words: bool) -> float | None:
    if not same_words:
        return OTHER_WORDS.get(metric)
    known = metric_named(metric, MetricKind.TAP)
    return SAME_WORDS.get(metric, known.tolerance if known else None)


def _measure_differences(
    measures: Sequence[MeasureDifference], a: AnalysisResult, b: AnalysisResult
) -> Iterator[Difference]:
    """Yield measures that differ as sentences, for recordings that could only be measured by themselves."""
    for item in measures:
        known = metric_named(item.metric)
        label = fixed_text(known.label if known else item.metric)
        if known:
            label = label.spelled(known.label[:1].lower() + known.label[1:])
        words = msg("{measure} is {in_b} in {b} and {in_a} in {a}", measure=label, b=b.name, a=a.name,
                    in_b=format_value(item.b, item.unit), in_a=format_value(item.a, item.unit))  # fmt: skip
        yield Difference(worse="", words=words, rank=Severity.INFO.rank)


# --- the result -----------------------------------------------------------------------------------------------------


def _not_compared(
    a: AnalysisResult, b: AnalysisResult, pair: AnalysisResult | None, back: AnalysisResult | None, *, matched: bool
) -> Iterator[str]:
    if a.reference is not None:
        for side in (a, b):
            for item in by_reason(side.not_shown):
                yield msg("{name} against {reference}: {codes} ({reason})", name=side.name, reference=side.reference,
                          codes=", ".join(item.codes), reason=item.reason)  # fmt: skip
        return
    if not matched:
        yield msg("speed, delay, and lost, repeated or added sound, because the recordings do not hold the same sound")
        return
    both = [result for result in (pair, back) if result is not None]
    # What one direction found is compared, although the other direction could not be.
    found = {finding.code for result in both for finding in result.findings}
    reasons = {
        msg("{codes} ({reason})", codes=", ".join(codes), reason=item.reason)
        for result in both
        for item in by_reason(result.not_shown)
        if (codes := [code for code in item.codes if code not in found])
    }
    yield from sorted(reasons)


def _verdict(found: Sequence[Difference], missing: Sequence[str]) -> RecordingChange:
    weight = {side: max((item.rank for item in found if item.worse == side), default=-1) for side in ("a", "b", "")}
    if weight["a"] != weight["b"]:
        return RecordingChange.WORSE if weight["b"] > weight["a"] else RecordingChange.BETTER
    if found:
        return RecordingChange.DIFFERENT
    return RecordingChange.NOT_COMPARED if missing else RecordingChange.NONE_FOUND


def _sentence(
    a: AnalysisResult,
    b: AnalysisResult,
    found: Sequence[Difference],
    missing: Sequence[str],
    verdict: RecordingChange,
    *,
    matched: bool,
    unread: bool,
) -> str:
    names = {"a": a.name, "b": b.name}
    if unread:
        return msg("{a} and {b} were not compared: {reason}", **names, reason=missing[0].rstrip("."))
    alone = not matched and not a.reference
    if not found:
        if alone:
            return msg("{a} and {b} do not hold the same sound, so only level, spectrum, noise, and gaps, clicks and "
                       "clipping of each were compared; no difference was found in them", **names)  # fmt: skip
        none = msg("no difference that can be heard was found between {a} and {b}", **names)
        return msg("{none}, but not everything was compared: {what}", none=none, what=missing[0]) if missing else none
    side = {RecordingChange.WORSE: "b", RecordingChange.BETTER: "a"}.get(verdict)
    first = [item for item in found if item.worse == side] if side else list(found)
    words = reduce(
        lambda one, another: msg("{first}; {other}", first=one, other=another),
        [item.words for item in first[:_NAMED_IN_SENTENCE]],
    )
    rest = len(found) - len(first[:_NAMED_IN_SENTENCE])
    if rest == 1:
        words = msg("{words} (1 more difference)", words=words)
    elif rest:
        words = msg("{words} ({n} more differences)", words=words, n=rest)
    if side:
        words = msg("{words}; {name} is better", words=words, name=a.name if side == "b" else b.name)
    elif verdict is RecordingChange.DIFFERENT and alone:
        words = msg("{words}; other words can sound so, too", words=words)
    elif verdict is RecordingChange.DIFFERENT and a.reference is not None:
        words = msg("{words}; neither is clearly better", words=words)
    elif verdict is RecordingChange.DIFFERENT:
        words = msg("{words}; which one is right cannot be told without the sound that both should be "
                    "(`--reference`)", words=words)  # fmt: skip
    if not alone:
        return words
    return msg("{a} and {b} do not hold the same sound, so only level, spectrum, noise, and gaps, clicks and clipping "
               "of each were compared: {words}", **names, words=words)  # fmt: skip
