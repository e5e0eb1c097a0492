"""What is said of one recording: its measurements, what is wrong with it, and the verdict in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diag.core.results import SCHEMA_VERSION, Measurement, Measurements, Severity
from diag.judge.recording_verdict import Remark, verdict
from diag.measure.pooling import Stretch

if TYPE_CHECKING:
    import pandas as pd

_PLACE = ("recording", "channel", "start_s", "end_s")
_MEASURED = ("metric", "value", "unit", "tier", "reason", "confidence")
COLUMNS = (*_PLACE, *_MEASURED, "information")
NOTHING = Measurements(())


@dataclass(frozen=True, kw_only=True)
class AnalysisResult:
    """The judgement of one recording, or of one of its channels.

    Parameters
    ----------
    channel : int or None
        Which channel was analysed, counted from 1; None where all hold the same.
    note : str
        Which channel was analysed and why; empty for a mono recording.
    reference, voice : str or None
        Names of what it was held against: a recording of the same words, a profile of the voice.
    stretches : tuple of Stretch
        Of a recording that was too long to be measured whole: what was measured against the reference, then what was
        measured of it alone, stretch by stretch. `measurements` are then those of all stretches together.
    information : Measurements
        Opinion scores of other models where they were asked for: information, part of no verdict.
    refused : str or None
        Why the recording could not be read, in one sentence; there are no measurements then.
    """

    name: str
    sample_rate_hz: int
    duration_s: float
    channels: int
    reference: str | None
    measurements: Measurements
    remarks: tuple[Remark, ...]
    channel: int | None = None
    note: str = ""
    voice: str | None = None
    stretches: tuple[Stretch, ...] = ()
    information: Measurements = NOTHING
    refused: str | None = None

    @property
    def sentence(self) -> str:
        """The verdict in one sentence: the worst that is wrong, or that nothing is."""
        if self.refused is not None:
            return self.refused
        named = self.name if self.channel is None else f"{self.name} (channel {self.channel})"
        return f"{named} {verdict(self.remarks, self.reference, self.voice, self.measurements)}."

    @property
    def failed(self) -> bool:
        """Whether a remark is an error."""
        return any(item.severity is Severity.ERROR for item in self.remarks)

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
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
            "remarks": [item.to_json() for item in self.remarks],
            "measurements": [item.to_json() for item in self.measurements],
            "information": [item.to_json() for item in self.information],
            "stretches": [
                {
                    "start_s": stretch.start_s,
                    "end_s": stretch.end_s,
                    "measurements": [item.to_json() for item in stretch.measurements],
                }
                for stretch in self.stretches
            ],
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a measurement: recording, channel, start_s, end_s, metric, value, unit, tier, reason, confidence.

        Of a long recording, the rows of the whole come first, then those of each stretch. `information` is true for
        opinion scores, which are part of no verdict.
        """
        return frame_of([self])

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of the frame; a recording that was refused has one, with the reason."""
        if self.refused is not None:
            yield {**self._place(0.0, 0.0), "reason": self.refused, "information": False}
        yield from self._rows(0.0, self.duration_s, self.measurements)
        for stretch in self.stretches:
            yield from self._rows(stretch.start_s, stretch.end_s, stretch.measurements)
        yield from self._rows(0.0, self.duration_s, self.information, information=True)

    def _rows(
        self, start_s: float, end_s: float, measurements: Iterable[Measurement], *, information: bool = False
    ) -> Iterator[dict[str, Any]]:
        for item in measurements:
            document = item.to_json()
            measured = {name: document[name] for name in _MEASURED}
            yield {**self._place(start_s, end_s), **measured, "information": information}

    def _place(self, start_s: float, end_s: float) -> dict[str, Any]:
        return dict(zip(_PLACE, (self.name, self.channel, start_s, end_s), strict=True))


def frame_of(results: Iterable[AnalysisResult]) -> pd.DataFrame:
    """The rows of several results in one frame."""
    import pandas as pd

    return pd.DataFrame([row for result in results for row in result.rows()], columns=list(COLUMNS))
