"""Write the report of `diag analyze`: one HTML file with the verdict, the audio and the faults of each recording."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from diag.core.chain import Tap
from diag.core.results import Severity, VerdictLine
from diag.core.states import State
from diag.files.audio_files import encode_flac
from diag.judge.recording_comparison import RecordingComparison
from diag.judge.recording_result import AnalysisResult
from diag.report.copied import copied_verdict
from diag.report.language import ntr, tr
from diag.report.localised import in_words, localised_comparison, localised_result
from diag.report.page import packed, page_folder, rendered, write_page
from diag.report.recording_compare_text import call_of_recordings, comparison_document
from diag.report.recording_compare_view import ComparisonView, comparison_view
from diag.report.recording_marks import Happening, happenings
from diag.report.recording_text import compared_words, counted_words, results_document, state_of_result
from diag.report.recording_view import WHOLE_S, RecordingView, Shown, pieces_of, recording_view
from diag.report.sentences import capitalised, full_stop
from diag.report.shelf import EVIDENCE_CLIPS, RUN_BYTES, SMALL_BYTES, Embed, Piece, Player, embedded, size_note

MOST_DRAWN = 12
"""If there are more recordings, those after the worst ones are shown without picture and audio."""


def build_recordings_page(shown: Sequence[Shown], out: Path, *, embed: Embed = "evidence") -> Path:
    """Write the report of recordings and return its path.

    Parameters
    ----------
    shown : sequence of Shown
        At least one. The audio of those that are drawn is read here.
    out : Path
        The HTML file; missing folders are created.
    embed : {"evidence", "all", "none"}
        "evidence" keeps the file below 2 MB: whole recordings if they fit, otherwise parts of 6 s around the findings.
        "all" keeps all of them, "none" has no audio.

    Raises
    ------
    BadInputError
        If the file cannot be written, or a recording can no longer be read.
    """
    results = [item.result for item in shown]
    with _folder_of(out):
        views, players = views_of([replace(item, result=localised_result(item.result)) for item in shown], out, embed)
        _write(
            out,
            _title_of([view.name for view in views]),
            verdict_of_results(shown),
            _measured_words(results),
            views=sorted(views, key=lambda view: -view.state.rank),
            players=players,
            document=results_document(results),
        )
    return out


def build_comparison_page(
    comparison: RecordingComparison, a: Shown, b: Shown, out: Path, *, embed: Embed = "evidence"
) -> Path:
    """Write the report of two recordings side by side and return its path.

    Parameters and errors are those of `build_recordings_page`.
    """
    state, word = call_of_recordings(comparison)
    document = comparison_document(comparison)
    comparison = localised_comparison(comparison)
    a, b = replace(a, result=comparison.a), replace(b, result=comparison.b)
    same = tr("A and B hold the same sound.") if comparison.matched else tr("A and B do not hold the same sound.")
    with _folder_of(out):
        views, players = views_of([a, b], out, embed)
        views = [_on_side(view, side) for view, side in zip(views, "AB", strict=True)]
        _write(
            out,
            tr("{a} against {b}").format(a=views[0].name, b=views[1].name),
            VerdictLine(state, tr(word), full_stop(capitalised(comparison.sentence))),
            same,
            views=views,
            players=players,
            document=document,
            comparison=comparison_view(comparison, a, b, views),
        )
    return out


def _folder_of(out: Path) -> AbstractContextManager[None]:
    return page_folder(out, next_step="name another file with --html")


def _write(
    out: Path,
    title: str,
    verdict: VerdictLine,
    measured: str,
    *,
    views: Sequence[RecordingView],
    players: Sequence[Player],
    document: dict[str, Any],
    comparison: ComparisonView | None = None,
) -> None:
    """Write the page of recordings, with their comparison if there is one."""
    dated = _judged_today()
    page = rendered(
        "recordings.html.j2",
        title=title,
        verdict=verdict,
        measured=measured,
        dated=dated,
        copied=copied_verdict(verdict, title, measured, dated),
        views=views,
        document=packed(document, out.parent),
        comparison=comparison,
        size=size_note(players),
        switches=True,
        origin="Every figure is derived from the recordings alone.",
        unknown=State.UNKNOWN,
    )
    write_page(out, page)


def _judged_today() -> str:
    """Return the day and minute of the judgement; a recording by itself does not say when it was made."""
    return tr("judged {day} UTC").format(day=time.strftime("%Y-%m-%d %H:%M", time.gmtime()))


def _on_side(view: RecordingView, side: str) -> RecordingView:
    """Return a view in the colours of its side; its spectrum is in the comparison already."""
    tracks = (replace(view.tracks[0], style=f"side-{side.lower()}"), *view.tracks[1:]) if view.tracks else ()
    return replace(view, side=side, tracks=tracks, spectra=None)


def _measured_words(results: Sequence[AnalysisResult]) -> str:
    read = [result for result in results if result.refused is None]
    return full_stop(capitalised(compared_words(read[0]))) if read else ""


def _title_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ntr("{n} recording", "{n} recordings", len(names)).format(n=len(names))


_WORDS = {
    State.FAILS: "FAULT FOUND",
    State.WATCH: "WARNING",
    State.GOOD: "NO FAULT FOUND",
    State.UNKNOWN: "NOT SHOWN",
}
"""Verdict by state, before translation."""


def verdict_of_results(shown: Sequence[Shown]) -> VerdictLine:
    """Return the first line of the page: the worst state, the verdict in a sentence, and what to do first."""
    results = [localised_result(item.result) for item in shown]
    worst = max(results, key=lambda result: state_of_result(result).rank)
    state = state_of_result(worst)
    word = tr("NOT READ") if worst.refused is not None and state is State.UNKNOWN else tr(_WORDS[state])
    sentence = full_stop(in_words(worst.sentence))
    if len(results) > 1 and state in (State.FAILS, State.WATCH):
        alike = Counter(result.findings[0].code for result in results if result.findings)
        code, count = alike.most_common(1)[0]
        words = tr(" {code} is the main finding in {k} of {n} recordings.")
        often = words.format(code=code, k=count, n=len(results)) if count > 1 else ""
        sentence = (
            tr("{counted}. The worst: {sentence}").format(counted=counted_words(results), sentence=sentence) + often
        )
    elif len(results) > 1:
        sentence = f"{counted_words(results)}."
    fix = next((item.fix for item in worst.findings if item.severity is not Severity.INFO), "")
    return VerdictLine(state, word, sentence, full_stop(capitalised(fix)))


def views_of(shown: Sequence[Shown], out: Path, embed: Embed) -> tuple[list[RecordingView], list[Player]]:
    """Return the view of each recording, and all players."""
    places = [happenings(item.result) for item in shown]
    ranked = sorted(range(len(shown)), key=lambda index: -state_of_result(shown[index].result).rank)
    drawn = [index for index in ranked if shown[index].audio is not None][:MOST_DRAWN]
    pieces = [_pieces(shown[index], index, places[index], embed, len(drawn)) for index in drawn]
    # The first part of every recording comes before the second of any.
    rounds = max((len(own) for own in pieces), default=0)
    ordered = [pair for number in range(rounds) for own in pieces for pair in own[number : number + 1]]
    found = embedded([piece for pair in ordered for piece in pair], embed, out, _room(len(drawn)))
    by_key: dict[int, dict[Tap, list[Player]]] = {index: {} for index in range(len(shown))}
    for piece, player in found:
        if piece.tap is not None:
            by_key[piece.key[0]].setdefault(piece.tap, []).append(player)
    views = [
        recording_view(item, index, places[index], by_key[index], drawn=index in drawn)
        for index, item in enumerate(shown)
    ]
    return views, [player for _, player in found]


def _pieces(shown: Shown, index: int, places: Sequence[Happening], embed: Embed, count: int) -> list[tuple[Piece, ...]]:
    """Return what to embed of one recording, in rounds: each a part of it and of its reference."""
    longest_s = max(audio.duration_s for audio in (shown.audio, shown.reference) if audio is not None)
    if embed == "all" or longest_s <= WHOLE_S:
        whole = tuple(pieces_of(shown, index, places, 1, whole=True))
        if embed != "evidence" or _size(whole) <= _room(count) / count:
            return [whole]
    parts = pieces_of(shown, index, places, max(1, EVIDENCE_CLIPS // (2 * count)), whole=False)
    rounds: list[tuple[Piece, ...]] = []
    for piece in parts:
        if rounds and piece.key[1] is not parts[0].key[1]:
            rounds[-1] = (*rounds[-1], piece)
        else:
            rounds.append((piece,))
    return rounds


def _size(pieces: Sequence[Piece]) -> int:
    """Return the size of clips in the file, where binary data takes a third more."""
    return sum(len(encode_flac(piece.clip)) * 4 // 3 for piece in pieces)


def _room(count: int) -> int:
    """Return the bytes for audio in a page that draws so many recordings."""
    return max(SMALL_BYTES - RUN_BYTES * max(count, 1), SMALL_BYTES // 4)
