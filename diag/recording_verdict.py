"""What is wrong with a recording, in plain remarks, from its measurements alone or against a reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from diag.dsp.profile import VoiceProfile
from diag.metrics.voice import OTHER_VOICE
from diag.results import Measurement, Measurements, Severity, Tier
from diag.rules.figures import (
    BANDS_HZ,
    DULL_ERROR_DB,
    DULL_WARNING_DB,
    EDGE_ERROR_HZ,
    EDGE_WARNING_HZ,
    LIMIT_SHARE,
    RATE_ERROR,
    RATE_WARNING,
    SILENT_DBFS,
    changed_sound,
    sampling_of_bands,
    snapped_hz,
)


@dataclass(frozen=True, kw_only=True)
class Remark:
    """One thing that is wrong with a recording: how bad, what, what to do, and the measure that it rests on."""

    severity: Severity
    text: str
    remedy: str
    metric: str
    tier: Tier

    def to_json(self) -> dict[str, str]:
        """One JSON object."""
        return {
            "severity": self.severity.value,
            "text": self.text,
            "remedy": self.remedy,
            "metric": self.metric,
            "tier": self.tier.value,
        }


@dataclass(frozen=True)
class _Blind:
    """A limit on a measure of the recording alone: beyond `warning` it is told, beyond `error` it fails.

    Only what no voice and no room can make fails: voices are narrow, and tops are flat, in good recordings too.
    """

    metric: str
    warning: float
    error: float
    words: Callable[[float], str]
    remedy: str


_NEVER = math.inf
_BLIND = (
    _Blind("flatness", 0.15, 0.2, lambda value: f"is noise (spectral flatness {value:.2f}), as bytes read wrongly give",
           "check byte order, byte offset and sample format (s16le, mono)"),
    _Blind("equal_pairs", 0.5, 0.9, lambda value: "looks like two channels read as one (samples come in pairs)",
           "read it as stereo, or mix it down properly"),
    _Blind("tonality_db", 35.0, 45.0, lambda value: f"holds a steady tone {value:.0f} dB above everything around it",
           "listen to it: a stuck tone in place of speech comes from the model, a hum from the device"),
    _Blind("imaging", 0.22, _NEVER, lambda value: f"has mirror images of a naive resampler (correlation {value:.2f})",
           "resample with a band-limited resampler that keeps its state"),
    _Blind("clipping_rate_hz", 0.1, _NEVER, lambda value: f"is clipped {value:.1f} times a second",
           "turn the level down"),
    _Blind("dropout_count", 0.5, _NEVER, lambda value: f"has {value:.0f} gap(s) cut into the sound",
           "raise the buffer of the player or the device"),
    _Blind("click_rate_hz", 0.2, _NEVER, lambda value: f"has {value:.1f} clicks a second",
           "look at the borders of chunks: a resampler that starts anew clicks at each"),
    _Blind("dc_dbfs", -34.0, _NEVER, lambda value: f"carries direct current ({value:.0f} dBFS)",
           "put a high-pass of 20 Hz before the recording"),
)  # fmt: skip
_NARROW_HZ = 8200.0
_EDGE_MARGIN = 1.05
"""An edge is right within 5 %: content that fills a rate of 16 kHz is not said to be cut off by it."""
_WIDEBAND_RATE_HZ = 22050
_MISSING_S, _REPEATED_S = 0.01, 0.01
VOICE_RATE_WARNING, VOICE_RATE_ERROR = 0.04, 0.06
VOICE_DULL_WARNING_DB, VOICE_DULL_ERROR_DB = 4.0, 6.0
DULL_VOICE_RATE_WARNING, VERY_DULL_DB = 0.1, 10.0
"""Limits against the profile of a voice: other words spread by up to this much, and a single band by twice that."""


def remarks_on(
    measurements: Measurements,
    sample_rate_hz: int,
    reference_rate_hz: int | None = None,
    reference_edge_hz: float | None = None,
    voice: VoiceProfile | None = None,
) -> tuple[Remark, ...]:
    """What is wrong, worst first; empty where nothing is.

    Parameters
    ----------
    measurements : Measurements
        Of `measuring.measure_recording`.
    sample_rate_hz : int
        Of the recording.
    reference_rate_hz : int or None
        Of the reference, where there is one; measures of the recording alone are then only asked about what the
        reference cannot tell.
    reference_edge_hz : float or None
        How far up the content of the reference reaches, where that is known.
    voice : VoiceProfile or None
        The profile that it was held against. What the reference decides is not asked of the profile too.
    """
    peak = _first(measurements, "peak_dbfs", Tier.BLIND)
    if peak is not None and peak[0] <= SILENT_DBFS:
        text = f"is silent (its loudest sample is at {peak[0]:.0f} dBFS)"
        return (Remark(severity=Severity.ERROR, text=text, metric="peak_dbfs", tier=Tier.BLIND,
                       remedy="check that the device is connected, not muted, and the one that is meant"),)  # fmt: skip
    found: list[Remark]
    if reference_rate_hz is not None:
        found = [*_against(measurements, sample_rate_hz, reference_rate_hz, reference_edge_hz)]
    else:
        found = [*_alone(measurements, sample_rate_hz)]
    if voice is not None:
        found += _against_voice(measurements, voice, {item.metric for item in found})
    return tuple(sorted(found, key=lambda item: -item.severity.rank))


def _against(
    measurements: Measurements, sample_rate_hz: int, reference_rate_hz: int, reference_edge_hz: float | None
) -> Iterator[Remark]:
    speed = _first(measurements, "rate_ratio", Tier.WAVEFORM)
    if speed is None:
        reason = next((item.reason for item in measurements.find("rate_ratio")), None) or "nothing matches"
        yield _remark(Severity.ERROR, f"cannot be held against the reference: {reason}", "rate_ratio",
                      "check that both are the same words of the same voice")  # fmt: skip
        return
    ratio = speed[0]
    by_time = _first(measurements, "time_ratio", Tier.WAVEFORM)
    stretched = by_time is not None and abs(by_time[0] / ratio - 1) > RATE_ERROR
    if stretched and by_time is not None:
        yield _remark(Severity.WARNING, f"has changed in time ({by_time[0]:.3f}) otherwise than in pitch ({ratio:.3f})",
                      "time_ratio", "look for a jitter buffer that stretches, or a pitch shifter")  # fmt: skip
    elif abs(ratio - 1) > RATE_WARNING:
        how = f"{1 / ratio:.2f} times too slow" if ratio < 1 else f"{ratio:.2f} times too fast"
        played_hz = snapped_hz(reference_rate_hz * ratio)
        text = f"plays {how}: {reference_rate_hz} Hz audio played as {played_hz} Hz ({changed_sound(ratio)})"
        yield _remark(Severity.ERROR if abs(ratio - 1) > RATE_ERROR else Severity.WARNING, text, "rate_ratio",
                      f"play it at {reference_rate_hz} Hz, or resample it from {reference_rate_hz} Hz to the rate of "
                      "the output stream")  # fmt: skip
    else:
        yield from _cut_off(sample_rate_hz, reference_rate_hz, reference_edge_hz)
    yield from _treble(measurements)
    broken = False
    for metric, words, remedy in (
        ("skipped_s", "of the reference are left out", "keep all audio in a queue without a limit"),
        ("repeated_s", "are said twice", "hand every chunk on once"),
        ("inserted_silence_s", "of silence are put in", "raise the buffer"),
    ):
        found = _first(measurements, metric, Tier.WAVEFORM)
        if found is not None and found[0] >= _MISSING_S:
            broken = True
            severity = Severity.ERROR if metric == "skipped_s" else Severity.WARNING
            yield _remark(severity, f"{found[0] * 1000:.0f} ms {words}", metric, remedy)
    yield from _added(measurements, broken=broken)


def _added(measurements: Measurements, *, broken: bool) -> Iterator[Remark]:
    """What the recording has and the reference has not; breaks and flat tops click too, but are told as such."""
    limits = {limit.metric: limit for limit in _BLIND}
    told = broken
    tiers = {"clipping_rate_hz": Tier.BLIND, "imaging": Tier.WAVEFORM, "click_rate_hz": Tier.WAVEFORM}
    for metric, tier in tiers.items():
        limit, found = limits[metric], _first(measurements, metric, tier)
        if found is None or found[0] <= limit.warning or (metric == "click_rate_hz" and told):
            continue
        told = True
        yield Remark(severity=Severity.WARNING, text=limit.words(found[0]), remedy=limit.remedy, metric=metric,
                     tier=tier)  # fmt: skip


def _cut_off(sample_rate_hz: int, reference_rate_hz: int, reference_edge_hz: float | None) -> Iterator[Remark]:
    """A sample rate too low for the reference's treble: bands above it cannot be compared, so no loss is measured."""
    edge_hz = LIMIT_SHARE * sample_rate_hz / 2
    if (
        reference_edge_hz is None
        or reference_edge_hz <= _EDGE_MARGIN * sample_rate_hz / 2
        or edge_hz >= EDGE_WARNING_HZ
    ):
        return
    text = (
        f"is cut off above {edge_hz / 1000:.1f} kHz by its sample rate of {sample_rate_hz} Hz; the reference reaches "
        f"{reference_edge_hz / 1000:.1f} kHz"
    )
    yield Remark(severity=Severity.ERROR if edge_hz < EDGE_ERROR_HZ else Severity.WARNING, text=text,
                 metric="bandwidth_hz", tier=Tier.BLIND,
                 remedy=f"play and record it at {reference_rate_hz} Hz or more")  # fmt: skip


def _treble(measurements: Measurements) -> Iterator[Remark]:
    found = _first(measurements, "dullness_db", Tier.WAVEFORM)
    if found is None or found[0] < DULL_WARNING_DB:
        return
    bands = _bands(measurements, Tier.WAVEFORM)
    through_hz = sampling_of_bands(bands)
    lost = _by_band(bands, DULL_WARNING_DB)
    why = f", as going through {through_hz} Hz sampling would" if through_hz else f" ({lost})"
    yield _remark(Severity.ERROR if found[0] >= DULL_ERROR_DB else Severity.WARNING,
                  f"loses {found[0]:.0f} dB of treble{why}", "dullness_db",
                  "keep the full sample rate up to the end, and take filters out of the way")  # fmt: skip


def _bands(measurements: Measurements, tier: Tier) -> tuple[float | None, ...]:
    items = (item for item in measurements.find("dullness_bands_db") if item.tier is tier)
    return next((item.value for item in items if isinstance(item.value, tuple)), ())


def _by_band(bands_db: Sequence[float | None], least_db: float) -> str:
    """The bands that lost that much, in words."""
    return ", ".join(
        f"{low / 1000:g} to {high / 1000:g} kHz {value:.0f} dB"
        for (low, high), value in zip(BANDS_HZ, bands_db, strict=False)
        if value is not None and value >= least_db
    )


def _against_voice(measurements: Measurements, profile: VoiceProfile, told: Collection[str]) -> Iterator[Remark]:
    """Speed and treble for the voice, unless the recording's own input has told of them already.

    Where the profile's own recordings differ much, a difference must be larger to be told: beyond two of their spreads
    for a warning, three for an error.
    """
    voice, speed_spread, treble_spread_db = profile.name, profile.speed_spread or 0.0, profile.treble_spread_db or 0.0
    treble = _first(measurements, "dullness_db", Tier.PROFILE)
    # A telephone's band hides formants: the speed is then off by up to 8 %.
    dull = treble is not None and treble[0] > VERY_DULL_DB
    speed = _first(measurements, "rate_ratio", Tier.PROFILE)
    least = max(DULL_VOICE_RATE_WARNING if dull else VOICE_RATE_WARNING, 2 * speed_spread)
    if speed is not None and "rate_ratio" not in told and abs(speed[0] - 1) > least:
        ratio = speed[0]
        way = "slower and deeper" if ratio < 1 else "faster and higher"
        text = f"is about {100 * abs(ratio - 1):.0f} % {way} than the profile of the voice {voice}"
        severity = _beyond(abs(ratio - 1), max(VOICE_RATE_ERROR, 3 * speed_spread))
        yield Remark(severity=severity, text=text, metric="rate_ratio",
                     tier=Tier.PROFILE, remedy="compare the sample rate that it was declared with and the one that it "
                     "is played at; `--reference` with what was received gives the exact ratio")  # fmt: skip
    if any(item.reason == OTHER_VOICE for item in measurements.find("rate_ratio")):
        yield Remark(severity=Severity.WARNING, text=f"does not sound like the voice {voice} at any speed",
                     metric="rate_ratio", tier=Tier.PROFILE, remedy="check that it is that voice, and that nothing "
                     "else speaks or plays in it; make the profile anew if the voice has changed")  # fmt: skip
    if treble is None or "dullness_db" in told:
        return
    bands = _bands(measurements, Tier.PROFILE)
    lost_db = max((value for value in bands if value is not None), default=0.0)
    warning_db, error_db = (
        max(VOICE_DULL_WARNING_DB, 2 * treble_spread_db),
        max(VOICE_DULL_ERROR_DB, 3 * treble_spread_db),
    )
    if treble[0] > warning_db or lost_db > 2 * warning_db:
        error = treble[0] > error_db or lost_db > 2 * error_db
        least_db = min(warning_db, treble[0])
        text = f"has less treble than the profile of the voice {voice}: {_by_band(bands, least_db)}"
        yield Remark(severity=Severity.ERROR if error else Severity.WARNING, text=text, metric="dullness_db",
                     tier=Tier.PROFILE, remedy="look for a filter, a codec or a stage at a lower sample rate between "
                     "the voice and this recording")  # fmt: skip


def _beyond(value: float, error: float) -> Severity:
    return Severity.ERROR if value > error else Severity.WARNING


def verdict(
    remarks: Sequence[Remark], reference: str | None, voice: str | None, measurements: Measurements
) -> str:  # fmt: skip
    """What is said of a recording after its name: the worst remark, or what was looked at and found good."""
    if remarks:
        more = len(remarks) - 1
        rest = f" ({more} more remark{'s' if more > 1 else ''})" if more else ""
        return f"{remarks[0].text}{rest}"
    for_voice = _like_the_voice(measurements, voice) if voice is not None else ""
    if reference is not None:
        also = f"; {for_voice}" if for_voice else ""
        return f"is a faithful copy of {reference}: right speed, whole treble, nothing missing{also}"
    return for_voice or "shows no fault by itself; hold it against what was received with `--reference` to be sure"


def _like_the_voice(measurements: Measurements, voice: str) -> str:
    """What was found good for the voice; a tick only for what was measured."""
    named = (("rate_ratio", "speed"), ("dullness_db", "treble"))
    good = [word for metric, word in named if _first(measurements, metric, Tier.PROFILE) is not None]
    if not good:
        reasons = [item.reason for item in measurements.find("rate_ratio") if item.tier is Tier.PROFILE]
        why = next((reason for reason in reasons if reason), "nothing to compare")
        return f"shows no fault by itself, but could not be held against the profile of the voice {voice}: {why}"
    return f"has the {' and '.join(good)} of the voice {voice}"


def _alone(measurements: Measurements, sample_rate_hz: int) -> Iterator[Remark]:
    speed = _first(measurements, "rate_ratio", Tier.BLIND)
    if speed is not None:
        how = f"{1 / speed[0]:.1f} times too slow" if speed[0] < 1 else f"{speed[0]:.1f} times too fast"
        yield Remark(severity=Severity.WARNING, text=f"is suspected to play about {how}, by its sound alone",
                     metric="rate_ratio", tier=Tier.BLIND, remedy="hold it against what was received (`--reference`) "
                     "or a profile of the voice (`--voice`) to be sure")  # fmt: skip
    for limit in _BLIND:
        found = _first(measurements, limit.metric)
        if found is not None and found[0] > limit.warning:
            severity = Severity.ERROR if found[0] > limit.error else Severity.WARNING
            yield Remark(severity=severity, text=limit.words(found[0]), remedy=limit.remedy, metric=limit.metric,
                         tier=found[1].tier)  # fmt: skip
    edge = _first(measurements, "bandwidth_hz")
    if edge is not None and sample_rate_hz >= _WIDEBAND_RATE_HZ and edge[0] < _NARROW_HZ:
        text = f"has nothing above {edge[0] / 1000:.1f} kHz although its sample rate is {sample_rate_hz} Hz"
        yield Remark(severity=Severity.WARNING, text=text, metric="bandwidth_hz",
                     tier=edge[1].tier,
                     remedy="look for a stage at a lower sample rate; a narrow voice to begin with looks the same, so "
                     "compare with what was received (`--reference`)")  # fmt: skip


def _first(measurements: Measurements, metric: str, tier: Tier | None = None) -> tuple[float, Measurement] | None:
    for item in measurements.find(metric):
        if isinstance(item.value, float) and (tier is None or item.tier is tier):
            return item.value, item
    return None


def _remark(severity: Severity, text: str, metric: str, remedy: str) -> Remark:
    return Remark(severity=severity, text=text, remedy=remedy, metric=metric, tier=Tier.WAVEFORM)
