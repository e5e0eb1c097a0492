"""View of one recording in the report of `diag analyze`: its audio on a time axis with the faults marked."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diag.core.audio_reader import AudioReader
from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import MissingCode
from diag.core.results import Severity
from diag.core.states import State
from diag.core.units import format_seconds
from diag.judge.proof import by_reason
from diag.judge.recording_result import AnalysisResult
from diag.report.findings import FindingView, Listening, recording_findings
from diag.report.language import tr
from diag.report.localised import in_words
from diag.report.recording_marks import Happening
from diag.report.recording_text import channels_in_words, measure_words, state_of_result, usual_words
from diag.report.sentences import capitalised, figure, label, report_group
from diag.report.shelf import WAVE_HEIGHT, WAVE_WIDTH, Pair, Piece, Player, pair_of, part_note
from diag.report.spectra import Picture, Spectra, pictures_of, spectra_of, style_of
from diag.report.svg import envelope, ticks

REFERENCE_TAP, RECORDING_TAP = Tap.RECEIVED, Tap.HEARD
"""Colours of a reference and a recording whose taps are not known."""
WHOLE_S = 120.0
"""A longer recording is shown as a waveform, with players for parts of it."""
PART_S = 6.0
_LONE_PART_S = 24.0
"""Length of the only part of a recording in which nothing is marked; half of it if there is a reference."""
LEAD_S = 1.0
"""Playing starts this long before a marked place."""
WAVE_COLUMNS = 600
LISTED = 12
"""Places that are listed beneath the picture. All are marked in it."""
_NUMBER_APART = 2.5


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One recording for the page: its judgement, and its audio and that of its reference where it could be read."""

    result: AnalysisResult
    audio: AudioReader | None = None
    reference: AudioReader | None = None


@dataclass(frozen=True)
class Mark:
    """One place on the picture, in percent of its width, and where it plays."""

    number: str
    at: float
    width: float
    state: State
    words: str
    code: str
    player: str | None
    at_s: float


@dataclass(frozen=True)
class Track:
    """A recording on the time axis: waveform, spectrogram and marks; `share` is its part of the width in percent."""

    title: str
    words: str
    style: str
    wave: str
    share: float
    axis: tuple[tuple[float, str], ...]
    picture: Picture | None
    player: Player | None
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Excerpt:
    """A part of a recording and the same part of its reference, if there is one."""

    pair: Pair | None
    players: tuple[Player, ...]


@dataclass(frozen=True)
class Measure:
    """One line of the table of measures."""

    label: str
    metric: str
    group: str
    value: str
    of: str


@dataclass(frozen=True)
class RecordingView:
    """Everything that the page shows of one recording."""

    anchor: str
    name: str
    result: AnalysisResult
    state: State
    word: str
    sentence: str
    finding: str
    facts: tuple[tuple[str, str], ...]
    tracks: tuple[Track, ...]
    listed: tuple[Mark, ...]
    more_marks: int
    pairs: tuple[Pair, ...]
    parts: tuple[Excerpt, ...]
    no_audio: str
    findings: tuple[FindingView, ...]
    spectra: Spectra | None
    measures: tuple[Measure, ...]
    unmeasured: tuple[tuple[str, str], ...]
    not_shown: tuple[tuple[str, str], ...]
    usual: tuple[str, ...]
    side: str = ""


Parts = Mapping[Tap, Sequence[Player]]
"""Players of one recording and of its reference, by tap."""


def taps_of(result: AnalysisResult) -> tuple[Tap, Tap]:
    """Return the taps of the reference and of the recording, as spots name them."""
    segment = next((item.segment for item in result.measurements if item.segment is not None), None)
    return (segment.first, segment.last) if segment else (REFERENCE_TAP, result.tap or RECORDING_TAP)


def pieces_of(shown: Shown, index: int, places: Sequence[Happening], most: int, *, whole: bool) -> list[Piece]:
    """Return the clips to listen to of a recording and its reference, each recording followed by its reference.

    Parameters
    ----------
    shown : Shown
    index : int
        Number of the recording in the report.
    places : sequence of Happening
    most : int
        Largest number of parts of the recording.
    whole : bool
        Whether to take both as a whole. Otherwise parts of 6 s are taken around the places, the most severe first.
    """
    if shown.audio is None:
        return []
    first, last = taps_of(shown.result)
    spans: list[tuple[float, float | None, float]]
    if whole:
        spans = [(0.0, 0.0, max(shown.audio.duration_s, shown.reference.duration_s if shown.reference else 0.0))]
    else:
        length_s = PART_S if places else _LONE_PART_S / (2.0 if shown.reference else 1.0)
        spans = [(start_s, _in_reference(shown, start_s, near), length_s)
                 for start_s, near in _starts(shown, places, most)]  # fmt: skip
    pieces: list[Piece] = []
    for start_s, reference_s, length_s in spans:
        pieces.append(
            _piece(shown.audio, (in_words(shown.result.called), tr("the recording")), (index, last), start_s, length_s)
        )
        if shown.reference is not None and reference_s is not None:
            name = shown.result.reference or "reference"
            pieces.append(_piece(shown.reference, (name, tr("the reference")), (index, first), reference_s, length_s))
    return pieces


def _starts(shown: Shown, places: Sequence[Happening], most: int) -> list[tuple[float, Happening | None]]:
    """Return where parts begin, in order of time, and the place that each is for."""
    assert shown.audio is not None
    latest_s = max(shown.audio.duration_s - PART_S, 0.0)
    chosen: list[tuple[float, Happening | None]] = []
    for place in sorted(places, key=lambda item: -item.state.rank):
        start_s = min(max(place.start_s - 2 * LEAD_S, 0.0), latest_s)
        from_s = max(place.start_s - LEAD_S, 0.0)
        inside = any(start <= from_s and place.start_s <= start + PART_S for start, _ in chosen)
        if len(chosen) < most and not inside:
            chosen.append((start_s, place))
    return sorted(chosen, key=lambda item: item[0]) or [(0.0, None)]


def _in_reference(shown: Shown, start_s: float, near: Happening | None) -> float | None:
    """Return the time of the reference at which a part of the recording begins; None if it is not known."""
    if shown.reference is None:
        return None
    if near is not None and near.reference_s is not None:
        return max(near.reference_s - (near.start_s - start_s), 0.0)
    delay_s = shown.result.measurements.value("hop_delay_s")
    ratio = shown.result.measurements.value("rate_ratio") or 1.0
    return None if delay_s is None else max((start_s - delay_s) * ratio, 0.0)


def _piece(audio: AudioReader, names: tuple[str, str], key: tuple[int, Tap], start_s: float, length_s: float) -> Piece:
    name, detail = names
    rate_hz = audio.sample_rate_hz
    first = min(round(start_s * rate_hz), max(audio.frames - 1, 0))
    last = min(round((start_s + length_s) * rate_hz), audio.frames)
    clip = Clip(samples=audio.part(first, last), sample_rate_hz=rate_hz)
    return Piece(
        key=key,
        clip=clip,
        title=name,
        detail=detail,
        label=f"{name}, {detail}",
        tap=key[1],
        note=part_note(start_s, clip.duration_s, audio.duration_s),
        offset_s=first / rate_hz,
        columns=WAVE_COLUMNS if clip.frames == audio.frames else 150,
    )


def recording_view(
    shown: Shown, index: int, places: Sequence[Happening], players: Parts, *, drawn: bool
) -> RecordingView:
    """Return the view of a recording.

    Parameters
    ----------
    shown : Shown
    index : int
        Number of the recording in the report, from 0.
    places : sequence of Happening
    players : mapping
        Its players and those of its reference, by tap.
    drawn : bool
        Whether to draw its picture.
    """
    result = shown.result
    first, last = taps_of(result)
    names = {last: in_words(result.called), first: result.reference or tr("the reference")}
    listening = Listening(
        lambda tap, at_s: _holding(players.get(tap, ()), at_s), lambda tap: names.get(tap, tap.value), LEAD_S
    )
    tracks = _tracks(shown, places, players, listening) if drawn else ()
    state = state_of_result(result)
    marks = tracks[0].marks if tracks else ()
    worst = next((item for item in result.findings if item.severity is not Severity.INFO), None)
    return RecordingView(
        anchor=f"recording-{index + 1}",
        name=in_words(result.called),
        result=result,
        state=state,
        word=_word(result, state),
        sentence=in_words(result.sentence),
        finding=f"{capitalised(worst.title)} [{worst.code}]" if worst else "",
        facts=_facts(result),
        tracks=tracks,
        listed=marks[:LISTED],
        more_marks=max(len(marks) - LISTED, 0),
        pairs=_pairs(shown, players),
        parts=_excerpts(players.get(last, ()), players.get(first, ())),
        no_audio="" if drawn or result.refused else tr("Its picture and audio are left out to keep this file small."),
        findings=recording_findings(result.findings, in_words(result.called), index, listening),
        spectra=_spectra(shown, names) if drawn else None,
        measures=tuple(_measures(result)),
        unmeasured=_unmeasured(result),
        not_shown=tuple((", ".join(item.codes), item.reason) for item in by_reason(result.not_shown)),
        usual=usual_words(result),
    )


def _word(result: AnalysisResult, state: State) -> str:
    if result.refused is not None:
        return "not read"
    if state is State.UNKNOWN:
        return "not shown"
    return "no fault found" if state is State.GOOD and result.reference is None else state.word


def _holding(players: Sequence[Player], at_s: float) -> Player | None:
    """Return the player whose clip holds a time; of several, the one in which it is furthest from the beginning."""
    inside = [item for item in players if item.offset_s - 0.05 <= at_s < item.offset_s + item.duration_s]
    return min(inside, key=lambda item: item.offset_s, default=None)


def _facts(result: AnalysisResult) -> tuple[tuple[str, str], ...]:
    if result.refused is not None:
        return ()
    facts = {
        "length": format_seconds(result.duration_s),
        "sample rate": f"{result.sample_rate_hz} Hz",
        "channels": result.note or channels_in_words(result),
        "reference": result.reference,
        "voice": result.voice,
        "judged": None if result.reference or result.voice else tr("by itself"),
    }
    return tuple((name, value) for name, value in facts.items() if value)


def _tracks(shown: Shown, places: Sequence[Happening], players: Parts, listening: Listening) -> tuple[Track, ...]:
    if shown.audio is None:
        return ()
    first, last = taps_of(shown.result)
    sides = [(shown.audio, last, in_words(shown.result.called), tr("the recording"))]
    if shown.reference is not None:
        sides.append((shown.reference, first, shown.result.reference or "reference", tr("the reference")))
    longest_s = max(audio.duration_s for audio, *_ in sides)
    whole = [(name, audio) for audio, _, name, _ in sides if audio.duration_s <= WHOLE_S]
    pictures = dict(zip((name for name, _ in whole), pictures_of([(name, _clip(audio)) for name, audio in whole]),
                        strict=False))  # fmt: skip
    tracks = []
    for audio, tap, name, words in sides:
        own = [item for item in players.get(tap, ()) if not item.note]
        player = own[0] if own else None
        length_s = audio.duration_s
        axis = tuple((round(tick / length_s * 100, 2), f"{tick:g} s") for tick in ticks(0.0, length_s, most=8))
        marks = _marks(places, audio, tap, listening, recording=tap is last)
        tracks.append(
            Track(
                title=name,
                words=words,
                style=style_of(tap),
                wave=player.wave if player else _overview(audio),
                share=round(length_s / longest_s * 100, 2),
                axis=axis,
                picture=pictures.get(name),
                player=player,
                marks=marks,
            )
        )
    return tuple(tracks)


def _clip(audio: AudioReader) -> Clip:
    return Clip(samples=audio.part(0, audio.frames), sample_rate_hz=audio.sample_rate_hz)


def _marks(
    places: Sequence[Happening], audio: AudioReader, tap: Tap, listening: Listening, *, recording: bool
) -> tuple[Mark, ...]:
    """Return the marks of a recording, or those of its reference; a number is left out where the last one is near."""
    marks: list[Mark] = []
    numbered_at = -_NUMBER_APART
    for number, place in enumerate(places, start=1):
        start_s = place.start_s if recording else place.reference_s
        if start_s is None:
            continue
        start_s = min(max(start_s, 0.0), audio.duration_s)
        at = start_s / audio.duration_s * 100
        width = min((place.end_s - place.start_s) / audio.duration_s * 100, 100 - at) if recording else 0.0
        heard = listening.at(tap, min(start_s, audio.duration_s - 0.01))
        shown = abs(at - numbered_at) >= _NUMBER_APART
        numbered_at = at if shown else numbered_at
        words = tr("{what} at {at_s:.2f} s").format(what=place.words, at_s=start_s)
        marks.append(
            Mark(str(number) if shown else "", round(at, 3), round(width, 3), place.state, words, place.code,
                 heard.player, heard.at_s)
        )  # fmt: skip
    return tuple(marks)


def _overview(audio: AudioReader) -> str:
    """Return the waveform of a recording that is read part by part."""
    edges = np.linspace(0, audio.frames, min(WAVE_COLUMNS, audio.frames) + 1).astype(int)
    parts = (audio.part(int(low), int(high)) for low, high in itertools.pairwise(edges))
    extremes = [(float(part.min()), float(part.max())) for part in parts]
    loudest = max(max(-low, high) for low, high in extremes)
    half = (WAVE_HEIGHT / 2 - 2) / max(loudest, 0.01)
    return envelope(extremes, x=0, width=WAVE_WIDTH, middle=WAVE_HEIGHT / 2, half=half)


def _pairs(shown: Shown, players: Parts) -> tuple[Pair, ...]:
    """Return reference (A) against recording (B) if both are embedded as a whole."""
    first, last = taps_of(shown.result)
    whole = [next((item for item in players.get(tap, ()) if not item.note), None) for tap in (first, last)]
    if whole[0] is None or whole[1] is None:
        return ()
    delay_s = shown.result.measurements.value("hop_delay_s")
    starts_s = None if delay_s is None else (max(-delay_s, 0.0), max(delay_s, 0.0))
    pair = pair_of(f"A {whole[0].title}, B {whole[1].title}", whole[0], whole[1], starts_s)
    return (pair,) if pair else ()


def _excerpts(own: Sequence[Player], references: Sequence[Player]) -> tuple[Excerpt, ...]:
    parts = [item for item in own if item.note]
    if not parts:
        return ()
    if len(references) != len(parts):
        return tuple(Excerpt(None, (item,)) for item in (*parts, *references))
    return tuple(
        Excerpt(pair_of(f"A {a.title}, B {b.title}, {b.note}", a, b, (0.0, 0.0)), (b, a))
        for a, b in zip(references, parts, strict=True)
    )


def _spectra(shown: Shown, names: Mapping[Tap, str]) -> Spectra | None:
    first, last = taps_of(shown.result)
    sides = ((first, shown.reference), (last, shown.audio))
    return spectra_between([(names[tap], style_of(tap), audio) for tap, audio in sides])


def spectra_between(sides: Sequence[tuple[str, str, AudioReader | None]]) -> Spectra | None:
    """Return the average spectra of (name, style, recording); of those that are short enough to be read as a whole."""
    clips = [(name, style, _clip(audio)) for name, style, audio in sides if audio and audio.duration_s <= WHOLE_S]
    return spectra_of(tr("Average spectrum"), clips)


def _measures(result: AnalysisResult) -> list[Measure]:
    found = []
    for item in sorted(result.measurements, key=lambda item: report_group(item.metric)[0]):
        if item.value is None:
            continue
        of = tr("by itself")
        if item.segment is not None:
            of = tr("against {reference}").format(reference=result.reference)
        elif item.tap != result.tap:
            of = tr("{reference} by itself").format(reference=result.reference)
        words = measure_words(item, result.measurements)
        found.append(Measure(label(item.metric), item.metric, report_group(item.metric)[1], words, of))
    for item in result.information:
        if item.value is not None:
            found.append(
                Measure(label(item.metric), item.metric, tr("Opinion scores"), figure(item.value, ""), tr("by itself"))
            )
    return found


def _unmeasured(result: AnalysisResult) -> tuple[tuple[str, str], ...]:
    """Return measures without a value, grouped by reason."""
    reasons: dict[str, list[str]] = {}
    for item in result.measurements:
        if item.missing is not None and item.missing.code is not MissingCode.NO_PROFILE:
            reasons.setdefault(item.missing.text, []).append(tr(label(item.metric)))
    return tuple((", ".join(dict.fromkeys(names)), reason) for reason, names in reasons.items())
