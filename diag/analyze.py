"""Judges what is on disk: saved runs, and recordings alone, without devices and without a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diag.clip import Clip
from diag.errors import BadInputError
from diag.judge import judge_run, judge_take, measure_recording
from diag.recording_verdict import Remark, remarks_on
from diag.registry import all_metrics
from diag.results import SCHEMA_VERSION, Measurements, RunResult, Severity, TakeResult
from diag.store import read_raw, read_run, read_wav, write_result
from diag.take import Take

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg")


@dataclass(frozen=True, kw_only=True)
class AnalysisResult:
    """The judgement of one recording."""

    name: str
    sample_rate_hz: int
    duration_s: float
    channels: int
    reference: str | None
    measurements: Measurements
    remarks: tuple[Remark, ...]

    @property
    def sentence(self) -> str:
        """The verdict in one sentence: the worst that is wrong, or that nothing is."""
        if self.remarks:
            more = len(self.remarks) - 1
            rest = f" ({more} more remark{'s' if more > 1 else ''})" if more else ""
            return f"{self.name} {self.remarks[0].text}{rest}."
        if self.reference is not None:
            return f"{self.name} is a faithful copy of {self.reference}: right speed, whole treble, nothing missing."
        return f"{self.name} shows no fault by itself; hold it against what was received with `--reference` to be sure."

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
            "reference": self.reference,
            "verdict": self.sentence,
            "remarks": [item.to_json() for item in self.remarks],
            "measurements": [item.to_json() for item in self.measurements],
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a measurement: recording, metric, value, unit, tier, reason, confidence."""
        import pandas as pd

        columns = ("metric", "value", "unit", "tier", "reason", "confidence")
        rows = [{"recording": self.name, **{key: item.to_json()[key] for key in columns}} for item in self.measurements]
        return pd.DataFrame(rows, columns=["recording", *columns])


def analyze(
    recording: str | Path | Clip | ArrayLike,
    sample_rate_hz: int | None = None,
    *,
    reference: str | Path | Clip | ArrayLike | None = None,
    raw: str | None = None,
) -> AnalysisResult:
    """Judge one recording, alone or against a reference.

    Parameters
    ----------
    recording, reference : path, Clip or array
        The reference is what the recording should sound like: what was received, for one. Arrays have shape (n,) or
        (n, channels) with full scale 1.0.
    sample_rate_hz : int, optional
        Of arrays.
    raw : str, optional
        Format of a headerless recording, as "s16le:24000".

    Raises
    ------
    BadInputError
        If a recording cannot be used.

    Examples
    --------
    >>> analyze("heard.wav", reference="received.wav").sentence
    'heard.wav plays 1.50 times too slow: 24000 Hz audio played as 16000 Hz (1.5 times longer and a fifth deeper).'
    """
    clip, name = _loaded(recording, sample_rate_hz, "the recording", raw)
    against, reference_name = (
        (None, None) if reference is None else _loaded(reference, sample_rate_hz, "the reference", None)
    )
    measurements = measure_recording(clip, against)
    return AnalysisResult(
        name=name,
        sample_rate_hz=clip.sample_rate_hz,
        duration_s=clip.duration_s,
        channels=clip.channels,
        reference=reference_name,
        measurements=measurements,
        remarks=remarks_on(
            measurements,
            clip.sample_rate_hz,
            against.sample_rate_hz if against else None,
            _edge_hz(against) if against else None,
        ),
    )


def analyze_all(
    paths: Iterable[str | Path], *, reference: str | Path | None = None, raw: str | None = None
) -> tuple[AnalysisResult, ...]:
    """Judge several recordings; a folder stands for the audio files in it, in order of name.

    Raises
    ------
    BadInputError
        If a recording cannot be used, or a folder holds none.
    """
    against = read_wav(reference) if reference is not None else None
    results = []
    for path in audio_files(paths):
        result = analyze(path, reference=against, raw=raw)
        named = None if reference is None else Path(reference).name
        results.append(AnalysisResult(**{**vars(result), "reference": named}))
    return tuple(results)


def audio_files(paths: Iterable[str | Path]) -> tuple[Path, ...]:
    """The files that these paths stand for.

    Raises
    ------
    BadInputError
        If a folder holds no audio file.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(item for item in path.iterdir() if item.suffix.lower() in AUDIO_SUFFIXES)
        if not inside:
            raise BadInputError(
                f"Could not analyse the folder {path}",
                seen="no audio file in it",
                allowed=", ".join(AUDIO_SUFFIXES),
                next_step="name a file, or a folder with recordings",
            )
        files.extend(inside)
    return tuple(files)


def _edge_hz(clip: Clip) -> float | None:
    """How far up the content of a clip reaches."""
    bandwidth = [metric for metric in all_metrics() if metric.name == "bandwidth_hz"]
    return measure_recording(clip, metrics=bandwidth).value("bandwidth_hz")


def _loaded(
    source: str | Path | Clip | ArrayLike, sample_rate_hz: int | None, what: str, raw: str | None
) -> tuple[Clip, str]:
    if isinstance(source, Clip):
        return source, what
    if isinstance(source, str | Path):
        return (read_raw(source, raw) if raw else read_wav(source)), Path(source).name
    if sample_rate_hz is None:
        raise BadInputError(
            f"Could not analyse {what}",
            seen="an array without a sample rate",
            next_step="give sample_rate_hz",
        )
    try:
        clip = Clip(samples=np.asarray(source, dtype=np.float32), sample_rate_hz=sample_rate_hz)
    except (ValueError, TypeError) as error:
        raise BadInputError(
            f"Could not analyse {what}",
            seen=str(error),
            allowed="finite numbers of shape (n,) or (n, channels), full scale 1.0",
            next_step="check how the array was made",
        ) from None
    if not clip.frames:
        raise BadInputError(f"Could not analyse {what}", seen="an array without samples", next_step="record it again")
    return clip, what


def analyze_run(folder: str | Path, *, save: bool = False) -> RunResult:
    """Judge a saved run again, from its takes alone.

    Takes are read one after another, so a run may be larger than memory.

    Parameters
    ----------
    folder : str or Path
        A run folder.
    save : bool
        Write each take's result.json anew.

    Raises
    ------
    BadInputError
        If it is not a run, has no finished take, or a take is damaged.
    """
    run = read_run(folder)
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
        results.append(judge_take(take))
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
