"""Judges what is on disk: saved runs, and recordings alone, without devices and without a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diag.clip import Clip
from diag.dsp.profile import VoiceProfile
from diag.errors import BadInputError
from diag.judge import judge_run, judge_take
from diag.measuring import measure_recording
from diag.metrics.sounds import match
from diag.recording_verdict import Remark, remarks_on, verdict
from diag.registry import all_metrics
from diag.results import SCHEMA_VERSION, Measurements, RunResult, Severity, TakeResult
from diag.sources import Source, audio_files, sources_of
from diag.store import read_run, write_result
from diag.take import Take
from diag.voice_files import load_voice

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike


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

    @property
    def sentence(self) -> str:
        """The verdict in one sentence: the worst that is wrong, or that nothing is."""
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
            "verdict": self.sentence,
            "remarks": [item.to_json() for item in self.remarks],
            "measurements": [item.to_json() for item in self.measurements],
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a measurement: recording, channel, metric, value, unit, tier, reason, confidence."""
        import pandas as pd

        columns = ("metric", "value", "unit", "tier", "reason", "confidence")
        place = {"recording": self.name, "channel": self.channel}
        rows = [{**place, **{key: item.to_json()[key] for key in columns}} for item in self.measurements]
        return pd.DataFrame(rows, columns=["recording", "channel", *columns])


def analyze(
    recording: str | Path | Clip | ArrayLike,
    sample_rate_hz: int | None = None,
    *,
    reference: str | Path | Clip | ArrayLike | None = None,
    voice: str | Path | VoiceProfile | None = None,
    raw: str | None = None,
    channel: int | None = None,
) -> AnalysisResult:
    """Judge one recording, alone, against a reference, or against the profile of its voice.

    Of channels that hold different sound, one is analysed: the one that holds the reference's words, or else the
    louder one; the reply, where the recording is the ear of a saved take. `analyze_all` judges every one.

    Parameters
    ----------
    recording, reference : path, Clip or array
        The reference is what the recording should sound like: what was received, for one. Arrays have shape (n,) or
        (n, channels) with full scale 1.0.
    sample_rate_hz : int, optional
        Of arrays.
    voice : path or VoiceProfile, optional
        Profile of the voice that speaks, as `diag voice make` writes it. The words may be others.
    raw : str, optional
        Format of a headerless recording, as "s16le:24000".
    channel : int, optional
        Which channel to analyse, counted from 1.

    Raises
    ------
    BadInputError
        If a recording, a profile or a channel cannot be used.

    Examples
    --------
    >>> analyze("heard.wav", reference="received.wav").sentence
    'heard.wav plays 1.50 times too slow: 24000 Hz audio played as 16000 Hz (1.5 times longer and a fifth deeper).'
    """
    against = _reference(reference, sample_rate_hz)
    parts = sources_of(recording, sample_rate_hz, raw=raw, channel=channel)
    return _judged(_fitting(parts, against), against, _voice(voice))


def analyze_all(
    paths: Iterable[str | Path],
    *,
    reference: str | Path | None = None,
    voice: str | Path | VoiceProfile | None = None,
    raw: str | None = None,
    channel: int | None = None,
) -> tuple[AnalysisResult, ...]:
    """Judge several recordings; a folder stands for the audio files in it, a saved take or run for its recordings.

    Channels that hold different sound are judged one by one, unless there is a reference: then the one that holds
    its words. With a voice, only those recordings of a saved take or run are judged that hold the service's voice.

    Raises
    ------
    BadInputError
        If a recording or a profile cannot be used, or a folder holds none.
    """
    against, profile = _reference(reference, None), _voice(voice)
    results: list[AnalysisResult] = []
    for path in audio_files(paths, replies_only=profile is not None):
        parts = sources_of(path, raw=raw, channel=channel)
        if against is not None:
            parts = (_fitting(parts, against),)
        elif profile is not None:
            parts = tuple(part for part in parts if part.reply) or parts
        results.extend(_judged(part, against, profile) for part in parts)
    return tuple(results)


def _reference(reference: str | Path | Clip | ArrayLike | None, sample_rate_hz: int | None) -> Source | None:
    return None if reference is None else sources_of(reference, sample_rate_hz, what="the reference")[0]


def _voice(voice: str | Path | VoiceProfile | None) -> VoiceProfile | None:
    return load_voice(voice) if isinstance(voice, str | Path) else voice


def _fitting(parts: Sequence[Source], against: Source | None) -> Source:
    """The part that holds the reference's words; without a reference, the first: the loudest, or the reply."""
    if against is None or len(parts) == 1:
        return parts[0]
    found = max(parts, key=lambda part: match(against.clip, part.clip).confidence or 0.0)
    if match(against.clip, found.clip).rate_ratio is None:
        return found
    return replace(found, note=f"channel {found.channel} of {found.channels}, which holds the reference's words")


def _judged(part: Source, against: Source | None, voice: VoiceProfile | None) -> AnalysisResult:
    voice = voice if part.reply else None
    measurements = measure_recording(part.clip, against.clip if against else None, voice=voice)
    return AnalysisResult(
        name=part.name,
        sample_rate_hz=part.clip.sample_rate_hz,
        duration_s=part.clip.duration_s,
        channels=part.channels,
        channel=part.channel,
        note=part.note,
        reference=against.name if against else None,
        voice=voice.name if voice else None,
        measurements=measurements,
        remarks=remarks_on(
            measurements,
            part.clip.sample_rate_hz,
            against.clip.sample_rate_hz if against else None,
            _edge_hz(against.clip) if against else None,
            voice.name if voice else None,
        ),
    )


def _edge_hz(clip: Clip) -> float | None:
    """How far up the content of a clip reaches."""
    bandwidth = [metric for metric in all_metrics() if metric.name == "bandwidth_hz"]
    return measure_recording(clip, metrics=bandwidth).value("bandwidth_hz")


def analyze_run(folder: str | Path, *, voice: str | Path | VoiceProfile | None = None, save: bool = False) -> RunResult:
    """Judge a saved run again, from its takes alone.

    Takes are read one after another, so a run may be larger than memory.

    Parameters
    ----------
    folder : str or Path
        A run folder.
    voice : path or VoiceProfile, optional
        Profile of the voice that replies.
    save : bool
        Write each take's result.json anew.

    Raises
    ------
    BadInputError
        If it is not a run, has no finished take, or a take is damaged.
    """
    run, profile = read_run(folder), _voice(voice)
    take_ids: Sequence[str] = run.take_ids
    if not take_ids:
        raise BadInputError(
            f"Could not judge the run {folder}",
            seen="it holds no finished take",
            next_step=f"go on with `--resume {folder}`",
        )
    results: list[TakeResult] = []
    take: Take | None = None
    for take_id in take_ids:
        take = run.take(take_id)
        results.append(judge_take(take, voice=profile))
        if save:
            write_result(run.folder / "takes" / take_id, results[-1])
    assert take is not None
    return judge_run(
        run.name,
        str(run.facts.get("title", "")),
        results,
        take.config,
        run.facts.get("environment") or take.environment,
        folder=str(run.folder),
    )
