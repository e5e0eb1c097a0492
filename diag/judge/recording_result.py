"""The result for one recording: its measurements, its findings, and the verdict in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diag.core.chain import Tap
from diag.core.messages import joined, msg
from diag.core.results import (
    SCHEMA_VERSION,
    Finding,
    Measurement,
    Measurements,
    NotShown,
    RuleOutcome,
    Severity,
    Tier,
)
from diag.judge.proof import by_reason
from diag.measure.pooling import Part

if TYPE_CHECKING:
    import pandas as pd

_PLACE = ("recording", "channel", "start_s", "end_s")
_MEASURED = ("metric", "value", "unit", "tier", "reason", "confidence")
COLUMNS = (*_PLACE, "of", *_MEASURED, "information")
NOTHING = Measurements(())


@dataclass(frozen=True, kw_only=True)
class AnalysisResult:
    """The judgement of one recording, or of one of its channels.

    Parameters
    ----------
    tap : Tap or None
        Tap at which it was recorded; None if there is no reference.
    between : str
        The hops assumed to lie between reference and recording, in words.
    channel : int or None
        Which channel was analysed, counted from 1; None if all channels are the same.
    note : str
        Which channel was analysed and why; empty for a mono recording.
    reference, voice : str or None
        Names of what it was compared with: a recording of the same words, a profile of the voice.
    parts : tuple of Part
        Only for a recording that was too long to be measured as a whole: the measurements of each part against the
        reference, then those of each part by itself. `measurements` then combines all parts.
    information : Measurements
        Opinion scores of other models if they were asked for. They are not part of the verdict.
    findings : tuple of Finding
        Worst first.
    outcomes : tuple of RuleOutcome
        Outcome of each rule.
    not_shown : tuple of NotShown
        What could not be checked: why the recording cannot be called a faithful copy of its reference, or good by
        itself, although no fault was found.
    path : str or None
        The file that it was read from; None for a recording that is not in a file.
    refused : str or None
        Why the recording could not be read, in one sentence. It then has no measurements.
    """

    name: str
    sample_rate_hz: int
    duration_s: float
    channels: int
    reference: str | None
    measurements: Measurements
    findings: tuple[Finding, ...]
    tap: Tap | None = None
    between: str = ""
    channel: int | None = None
    note: str = ""
    voice: str | None = None
    parts: tuple[Part, ...] = ()
    information: Measurements = NOTHING
    refused: str | None = None
    outcomes: tuple[RuleOutcome, ...] = ()
    not_shown: tuple[NotShown, ...] = ()
    path: str | None = None

    @property
    def sentence(self) -> str:
        """The verdict in one sentence: the worst finding, or what was compared and found right."""
        if self.refused is not None:
            return self.refused
        named = self.called
        worst = next((item for item in self.findings if item.severity is not Severity.INFO), None)
        if worst is None:
            return msg("{name} {good}.", name=named, good=self._good())
        more = sum(item.severity is not Severity.INFO for item in self.findings) - 1
        told = {"name": named, "title": worst.title, "code": worst.code, "more": more}
        if not more:
            return msg("{name}: {title} [{code}].", **told)
        if more == 1:
            return msg("{name}: {title} [{code}] ({more} more finding).", **told)
        return msg("{name}: {title} [{code}] ({more} more findings).", **told)

    @property
    def called(self) -> str:
        """Its name, with its channel if it is one of several."""
        return self.name if self.channel is None else msg("{name} (channel {n})", name=self.name, n=self.channel)

    def _good(self) -> str:
        """Return what was shown to be right if there is no error or warning."""
        for_voice = self._like_the_voice() if self.voice is not None else ""
        reasons = joined([item.reason for item in by_reason(self.not_shown)])
        if self.reference is None:
            if for_voice:
                return for_voice
            if reasons:
                return msg(
                    "shows no fault by itself, but not everything could be checked: {reasons}; compare it with what "
                    "was received (`--reference`) or with other recordings of the voice (`--voice`)",
                    reasons=reasons,
                )
            return msg("shows no fault by itself; compare it with what was received (`--reference`) to be sure")
        if self.not_shown:
            good = msg(
                "is not shown to be a faithful copy of {reference}: {reasons}",
                reference=self.reference,
                reasons=reasons,
            )
        else:
            good = msg(
                "is a faithful copy of {reference}: right speed, whole treble, nothing missing or added",
                reference=self.reference,
            )
        return msg("{good}; {also}", good=good, also=for_voice) if for_voice else good

    def _like_the_voice(self) -> str:
        """Return which of speed and treble match the voice. Only what was measured is named."""
        items = [item for item in self.measurements if item.tier is Tier.PROFILE]
        speed, treble = (
            any(item.metric == metric and item.value is not None for item in items)
            for metric in ("rate_ratio", "dullness_db")
        )
        if speed and treble:
            return msg("has the speed and treble of the voice {voice}", voice=self.voice)
        unknown = "dullness_db" if speed else "rate_ratio"
        why = next((item.reason for item in items if item.metric == unknown and item.reason), msg("nothing to compare"))
        if speed:
            return msg(
                "has the speed of the voice {voice}, but its treble could not be compared: {why}",
                voice=self.voice,
                why=why,
            )
        if treble:
            return msg(
                "has the treble of the voice {voice}, but its speed could not be compared: {why}",
                voice=self.voice,
                why=why,
            )
        return msg(
            "shows no fault by itself, but could not be compared with the profile of the voice {voice}: {why}",
            voice=self.voice,
            why=why,
        )

    @property
    def failed(self) -> bool:
        """Whether a finding is an error."""
        return any(item.severity is Severity.ERROR for item in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON object."""
        return {
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "sample_rate_hz": self.sample_rate_hz,
            "duration_s": self.duration_s,
            "channels": self.channels,
            "channel": self.channel,
            "reference": self.reference,
            "voice": self.voice,
            "refused": self.refused,
            "verdict": self.sentence,
            "findings": [item.to_json() for item in self.findings],
            "not_shown": [item.to_json() for item in self.not_shown],
            "measurements": [item.to_json() for item in self.measurements],
            "information": [item.to_json() for item in self.information],
            "parts": [
                {
                    "start_s": part.start_s,
                    "end_s": part.end_s,
                    "measurements": [item.to_json() for item in part.measurements],
                }
                for part in self.parts
            ],
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a measurement: recording, channel, start_s, end_s, of, metric, value, unit, tier, reason, confidence.

        `of` says what was measured: the "recording", or the "pair" of recording and reference. Of a long recording,
        the rows of the whole come first, then those of each part. `information` is true for opinion scores, which are
        part of no verdict.
        """
        return frame_of([self])

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of the frame, without the reference's own; a recording that was refused has one, with the reason."""
        if self.refused is not None:
            yield {**self._place(0.0, 0.0), "reason": self.refused, "information": False}
        yield from self._rows(0.0, self.duration_s, self.measurements)
        for part in self.parts:
            yield from self._rows(part.start_s, part.end_s, part.measurements)
        yield from self._rows(0.0, self.duration_s, self.information, information=True)

    def _rows(
        self, start_s: float, end_s: float, measurements: Iterable[Measurement], *, information: bool = False
    ) -> Iterator[dict[str, Any]]:
        for item in measurements:
            if item.segment is None and item.tap is not self.tap:
                continue
            document = item.to_json()
            measured = {name: document[name] for name in _MEASURED}
            yield {**self._place(start_s, end_s), "of": _of(item), **measured, "information": information}

    def _place(self, start_s: float, end_s: float) -> dict[str, Any]:
        return dict(zip(_PLACE, (self.name, self.channel, start_s, end_s), strict=True))


def _of(item: Measurement) -> str:
    compared = item.segment is not None or (item.tap is None and item.tier is Tier.WAVEFORM)
    return "pair" if compared else "recording"


def frame_of(results: Iterable[AnalysisResult]) -> pd.DataFrame:
    """Return the rows of several results in one frame."""
    import pandas as pd

    return pd.DataFrame([row for result in results for row in result.rows()], columns=list(COLUMNS))
