"""Judges what is on disk: saved runs, and recordings alone, without devices and without a network."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import diag.measure.metrics
from diag.api.cluster import FarFile, far_file, open_cluster, why_not_seen
from diag.api.input_files import Source, audio_files, name_of, sources_of
from diag.api.judged_takes import judged_take, kept_judgement
from diag.api.opinion_scores import opinions, too_long, unscored
from diag.api.process_pool import LocalWorkers, run_all
from diag.core.chain import Segment, Tap
from diag.core.clip import Clip
from diag.core.errors import BadInputError
from diag.core.missing import Missing
from diag.core.processes import cores
from diag.core.results import Measurements, RunResult, Severity, TakeResult
from diag.dsp.profile import VoiceProfile
from diag.files.run_folders import prompts_of_take, read_run, write_result
from diag.files.voice_profiles import load_voice, voice_of_run
from diag.judge.engine import judge_recording, judge_run
from diag.judge.proof import not_shown_of_recording, not_shown_on_segments
from diag.judge.recording import Recording
from diag.judge.recording_result import NOTHING, AnalysisResult
from diag.judge.worst_part import findings_over
from diag.measure.engine import RECEIVED_TO_HEARD, measure_clip, measure_pair
from diag.measure.long_recording import measure_long
from diag.measure.long_reference import find_place
from diag.measure.metrics.sounds import match
from diag.measure.pooling import Part
from diag.measure.registry import all_metrics

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["AnalysisResult", "analyze", "analyze_all", "analyze_run", "audio_files"]

WORTH_PROCESSES = 16
"""Below this number of files, starting processes takes longer than the work."""


def analyze(
    recording: str | Path | Clip | ArrayLike,
    sample_rate_hz: int | None = None,
    *,
    reference: str | Path | Clip | ArrayLike | None = None,
    voice: str | Path | VoiceProfile | None = None,
    raw: str | None = None,
    channel: int | None = None,
    mos: bool = False,
    progress: Callable[[float, float], None] | None = None,
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
    mos : bool
        Ask DNSMOS, and with a reference PESQ and ViSQOL, too: `AnalysisResult.information`. Needs the extra `mos`.
    progress : callable, optional
        Told how many seconds of a long recording were measured, of how many.

    Raises
    ------
    BadInputError
        If a recording, a profile or a channel cannot be used.

    Examples
    --------
    >>> analyze("heard.wav", reference="received.wav").sentence
    'heard.wav: 24000 Hz audio was played as 16000 Hz: 1.5 times as long and 7 semitones deeper [PLY001].'
    """
    against = _reference(reference, sample_rate_hz)
    parts = sources_of(recording, sample_rate_hz, raw=raw, channel=channel)
    return _judged(_fitting(parts, against), against, _voice(voice), progress, mos=mos)


def analyze_all(
    paths: Iterable[str | Path],
    *,
    reference: str | Path | None = None,
    voice: str | Path | VoiceProfile | None = None,
    raw: str | None = None,
    channel: int | None = None,
    mos: bool = False,
    workers: int | None = None,
    cluster: str | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> tuple[AnalysisResult, ...]:
    """Judge several recordings; a folder stands for the audio files in it, a saved take or run for its recordings.

    Channels that hold different sound are judged one by one, unless there is a reference: then the one that holds
    its words. With a voice, only those recordings of a saved take or run are judged that hold the service's voice.
    Many files are judged in one process per core, or on a cluster. A file of several that cannot be read, or whose
    worker process dies, gets a result that says so (`AnalysisResult.refused`); the others are still judged.

    Parameters
    ----------
    paths : iterable of path
    reference, voice, raw, channel, mos
        As in `analyze`.
    workers : int, optional
        Number of processes; one per core by default, 1 for none but this one.
    cluster : str, optional
        Address of a Dask scheduler, as "tcp://HOST:8786", whose workers do the work instead. They read the files
        themselves, under the same paths. Needs the extra `cluster`.
    progress : callable, optional
        Called with how much is done and how much there is: seconds of one recording, or files of many.

    Raises
    ------
    BadInputError
        If the reference, the profile, or the only recording cannot be used, or a folder holds none.
    CannotMeasureError
        If the cluster cannot be used.
    """
    profile = _voice(voice)
    files = audio_files(paths, replies_only=profile is not None)
    how = _How(reference, profile, raw, channel, mos)
    against = _reference(reference, None)
    if cluster is not None:
        return _judged_on_cluster(cluster, how, files, progress)
    if len(files) == 1:
        return how.judged(files[0], against, progress)
    if workers == 1 or (workers is None and len(files) < WORTH_PROCESSES) or cores() == 1:
        found: list[AnalysisResult] = []
        for index, path in enumerate(files):
            found.extend(how.judged_or_refused(path, against))
            if progress is not None:
                progress(index + 1, len(files))
        return tuple(found)
    pool = LocalWorkers(min(workers or cores(), len(files)), preload=preloaded(against is not None))
    results = run_all(_prepared, how, files, pool, failed=_failed, progress=progress)
    return tuple(result for part in results for result in part)


@dataclass(frozen=True)
class _How:
    """How each of many recordings is judged; crosses process borders."""

    reference: str | Path | None
    voice: VoiceProfile | None
    raw: str | None
    channel: int | None
    mos: bool

    def judged(
        self, path: Path, against: Source | None, progress: Callable[[float, float], None] | None = None
    ) -> tuple[AnalysisResult, ...]:
        parts = sources_of(path, raw=self.raw, channel=self.channel)
        if against is not None:
            parts = (_fitting(parts, against),)
        elif self.voice is not None:
            parts = tuple(part for part in parts if part.reply) or parts
        return tuple(_judged(part, against, self.voice, progress, mos=self.mos) for part in parts)

    def judged_or_refused(self, path: Path, against: Source | None) -> tuple[AnalysisResult, ...]:
        try:
            return self.judged(path, against)
        except BadInputError as error:
            return (_refused(path, str(error)),)


def preloaded(with_reference: bool) -> tuple[str, ...]:
    """Modules that processes which judge recordings share."""
    metrics = (f"diag.measure.metrics.{info.name}" for info in pkgutil.iter_modules(diag.measure.metrics.__path__))
    return ("diag.api.analyze", "soundfile", *metrics, *(("scipy.fft",) if with_reference else ()))


def _prepared(how: _How) -> Callable[[Path], tuple[AnalysisResult, ...]]:
    against = _reference(how.reference, None)
    all_metrics()
    return lambda path: how.judged_or_refused(path, against)


def _judged_on_cluster(
    address: str, how: _How, files: Sequence[Path], progress: Callable[[float, float], None] | None
) -> tuple[AnalysisResult, ...]:
    reference = None if how.reference is None else far_file(how.reference)
    with open_cluster(address) as workers:
        results = run_all(
            _prepared_on_cluster,
            (replace(how, reference=reference.path if reference else None), reference),
            [far_file(path) for path in files],
            workers,
            failed=lambda file, reason: _failed(file.path, reason),
            progress=progress,
        )
    return tuple(result for part in results for result in part)


def _prepared_on_cluster(given: tuple[_How, FarFile | None]) -> Callable[[FarFile], tuple[AnalysisResult, ...]]:
    how, reference = given
    unseen = why_not_seen(reference) if reference else None
    if unseen is not None:
        return lambda file: _failed(file.path, unseen)
    judge = _prepared(how)

    def judge_seen(file: FarFile) -> tuple[AnalysisResult, ...]:
        reason = why_not_seen(file)
        return judge(file.path) if reason is None else _failed(file.path, reason)

    return judge_seen


def _refused(path: Path, sentence: str) -> AnalysisResult:
    return AnalysisResult(
        name=name_of(path), sample_rate_hz=0, duration_s=0.0, channels=0, reference=None,
        measurements=Measurements(()), findings=(), refused=sentence,
    )  # fmt: skip


def _failed(path: Path, reason: str) -> tuple[AnalysisResult, ...]:
    return (_refused(path, f"Could not analyse the recording {path}: {reason}."),)


def _reference(reference: str | Path | Clip | ArrayLike | None, sample_rate_hz: int | None) -> Source | None:
    return None if reference is None else sources_of(reference, sample_rate_hz, what="the reference")[0]


def _voice(voice: str | Path | VoiceProfile | None) -> VoiceProfile | None:
    return load_voice(voice) if isinstance(voice, str | Path) else voice


def _fitting(parts: Sequence[Source], against: Source | None) -> Source:
    """The part that holds the reference's words; without a reference, the first: the loudest, or the reply."""
    if against is None or len(parts) == 1:
        return parts[0]
    fits = [_fit(against, part) for part in parts]
    if not any(fits):
        return parts[0]
    found = parts[int(np.argmax(fits))]
    return replace(found, note=f"channel {found.channel} of {found.channels}, the one with the words of the reference")


def _fit(against: Source, part: Source) -> float:
    """How surely a part holds the reference's words, 0 to 1."""
    if against.long or part.long:
        place = find_place(against.audio, part.audio)
        return 0.0 if isinstance(place, Missing) else place.confidence
    found = match(against.clip, part.clip)
    return 0.0 if found.rate_ratio is None else found.confidence


def _judged(
    part: Source,
    against: Source | None,
    voice: VoiceProfile | None,
    progress: Callable[[float, float], None] | None = None,
    *,
    mos: bool,
) -> AnalysisResult:
    voice = voice if part.reply else None
    segment = _segment_between(part, against) if against else None
    recording = Recording(
        name=part.name,
        sample_rate_hz=part.audio.sample_rate_hz,
        tap=segment.last if segment else None,
        reference=against.name if against else None,
        reference_rate_hz=against.audio.sample_rate_hz if against else None,
        segment=segment,
        voice=voice,
    )
    parts: tuple[Part, ...] = ()
    if part.long or (against is not None and against.long):
        long = measure_long(
            part.audio,
            against.audio if against else None,
            segment=segment or RECEIVED_TO_HEARD,
            voice=voice,
            progress=progress,
        )
        measurements, parts = long.measurements, (*long.against, *long.alone)
        judgement = judge_recording(measurements, recording)
        compared = long.against if against else long.alone
        findings = findings_over(judgement.findings, compared, lambda one: judge_recording(one, recording).findings)
    elif against is not None and segment is not None:
        measurements = measure_pair(against.clip, part.clip, segment=segment, voice=voice)
        judgement = judge_recording(measurements, recording)
        findings = judgement.findings
    else:
        measurements = measure_clip(part.clip, voice=voice)
        judgement = judge_recording(measurements, recording)
        findings = judgement.findings
    if segment is not None:
        not_shown = not_shown_on_segments(judgement.outcomes, [segment.hop])
    elif any(item.severity is not Severity.INFO for item in findings):
        not_shown = ()
    else:
        not_shown = not_shown_of_recording(judgement.outcomes)
    return AnalysisResult(
        name=part.name,
        sample_rate_hz=part.audio.sample_rate_hz,
        duration_s=part.audio.duration_s,
        channels=part.channels,
        channel=part.channel,
        note=part.note,
        reference=against.name if against else None,
        tap=recording.tap,
        between=segment.covers if segment else "",
        voice=voice.name if voice else None,
        measurements=measurements,
        findings=findings,
        outcomes=judgement.outcomes,
        not_shown=not_shown,
        parts=parts,
        information=_information(part, against) if mos else NOTHING,
        path=part.path,
    )


def _segment_between(part: Source, against: Source) -> Segment:
    """Return the stretch of the chain between two recordings: that of their own taps in saved takes, where known.

    Any other pair is taken for what was received and what was heard.
    """
    if against.tap is not None and part.tap is not None:
        order = list(Tap)
        if order.index(against.tap) < order.index(part.tap) and Segment(against.tap, part.tap).comparable:
            return Segment(against.tap, part.tap)
    return RECEIVED_TO_HEARD


def _information(part: Source, against: Source | None) -> Measurements:
    """Opinion scores; a recording that is read in stretches is too long for them and is not read whole."""
    if part.long or (against is not None and against.long):
        return unscored(too_long("the recording or the reference"), against=against is not None)
    return opinions(part.clip, against.clip if against else None)


def analyze_run(
    folder: str | Path,
    *,
    voice: str | Path | VoiceProfile | None = None,
    save: bool = False,
    processes: bool = False,
) -> RunResult:
    """Judge a saved run again, from its takes alone.

    Takes are read one after another, so a run may be larger than memory.

    Parameters
    ----------
    folder : str or Path
        A run folder.
    voice : path or VoiceProfile, optional
        Profile of the voice that replies; by default the one that the run keeps, if any.
    save : bool
        Write each take's result.json anew.
    processes : bool
        Judge many takes in several processes, one for each core. The program that calls it must then have its own
        code under `if __name__ == "__main__":`, as for `multiprocessing`.

    Raises
    ------
    BadInputError
        If it is not a run, has no finished take, or a take is damaged.
    """
    run, profile = read_run(folder), _voice(voice) or voice_of_run(folder)
    take_ids: Sequence[str] = run.take_ids
    if not take_ids:
        raise BadInputError(
            f"Could not judge the run {folder}",
            seen="it has no finished take",
            next_step=f"go on with `--resume {folder}`",
        )
    results = _judged_takes(folder, profile, take_ids, processes=processes)
    if save:
        for take_id, judged in zip(take_ids, results, strict=True):
            write_result(run.folder / "takes" / take_id, judged)
    last = run.take(take_ids[-1])
    result = judge_run(
        run.name,
        str(run.facts.get("title", "")),
        results,
        last.config,
        run.facts.get("environment") or last.environment,
        folder=str(run.folder),
    )
    return replace(result, voice=None if profile is None else profile.name)


def _judged_takes(
    folder: str | Path, profile: VoiceProfile | None, take_ids: Sequence[str], *, processes: bool
) -> tuple[TakeResult, ...]:
    """Return the judgement of each take of a run; with `processes` from several processes if there are enough takes.

    Raises
    ------
    BadInputError
        If a take is damaged.
    """
    takes = Path(folder) / "takes"
    found = {take_id: kept_judgement(takes / take_id, profile) for take_id in take_ids}
    missing = [take_id for take_id, judgement in found.items() if judgement is None]
    judge = _prepared_for_takes((takes, profile))
    if not processes or len(missing) < WORTH_PROCESSES or cores() == 1:
        judged = judge(missing)
    else:
        pool = LocalWorkers(min(cores(), len(missing)), preload=preloaded(with_reference=True))
        groups = _of_one_prompt(takes, missing, most=-(-len(missing) // (2 * pool.count)))
        missing = [take_id for group in groups for take_id in group]
        results = run_all(_prepared_for_takes, (takes, profile), groups, pool, failed=_unjudged)
        judged = [result for group in results for result in group]
    for take_id, item in zip(missing, judged, strict=True):
        if isinstance(item, BadInputError):
            raise item
        found[take_id] = item
    return tuple(item for item in found.values() if item is not None)


def _of_one_prompt(takes: Path, take_ids: Sequence[str], *, most: int) -> tuple[tuple[str, ...], ...]:
    """Return takes in groups with the same prompts, because a process measures recordings that they share only once.

    Parameters
    ----------
    most : int
        Takes in a group. With fewer groups than processes, some of these would have nothing to do.
    """
    by_prompts: dict[tuple[str, ...], list[str]] = {}
    for take_id in take_ids:
        by_prompts.setdefault(prompts_of_take(takes / take_id), []).append(take_id)
    groups = (
        group
        for ids in by_prompts.values()
        for group in (tuple(ids[first : first + most]) for first in range(0, len(ids), most))
    )
    return tuple(sorted(groups, key=len, reverse=True))


def _prepared_for_takes(
    given: tuple[Path, VoiceProfile | None],
) -> Callable[[Sequence[str]], list[TakeResult | BadInputError]]:
    takes, profile = given

    def judged(take_id: str) -> TakeResult | BadInputError:
        try:
            return judged_take(takes / take_id, profile)
        except BadInputError as error:
            return error

    return lambda take_ids: [judged(take_id) for take_id in take_ids]


def _unjudged(take_ids: Sequence[str], reason: str) -> list[TakeResult | BadInputError]:
    return [
        BadInputError(f"Could not judge the take {take_id}", seen=reason, next_step="judge the run once more")
        for take_id in take_ids
    ]
