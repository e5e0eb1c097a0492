"""Write a report: one HTML file that makes no network requests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from diag.core.errors import BadInputError
from diag.core.results import Report, RunResult, Severity
from diag.core.states import State
from diag.core.take import Take
from diag.dsp.profile import VoiceProfile
from diag.files.run_folders import read_run
from diag.files.voice_profiles import sample_of
from diag.report.benchview import bench_rows
from diag.report.compareview import compare_view
from diag.report.copied import copied_verdict, days_of
from diag.report.exchange import exchanges_of
from diag.report.localised import localised
from diag.report.page import packed, page_folder, rendered, write_page
from diag.report.picks import Pick, pick
from diag.report.release_text import release_values
from diag.report.runview import RunView, run_view
from diag.report.sentences import measured_line, verdict_line
from diag.report.shelf import Embed, VoiceSample, players_of, room_for, size_note
from diag.report.voice_text import voice_origin
from diag.report.waterfall import stages

FOLD_FROM = 2
"""With more runs than this, each run is collapsed to its headline."""
EXCHANGE_SHARE = 0.6
"""Largest part of the room for audio that the clips at the top of a comparison take; the rest is for evidence."""


def build_report(
    report: Report,
    takes: Mapping[str, Sequence[Take]],
    out: Path,
    *,
    embed: Embed = "evidence",
    voices: Mapping[str, VoiceProfile] | None = None,
) -> Path:
    """Write a report and return its path.

    Parameters
    ----------
    report : Report
        The judged runs. A release bench adds its decision, a self-check the table of scenarios, and both the command
        that repeats them.
    takes : mapping of run folder or run name to takes
        Recordings of each run, for audio and drawings. The folder distinguishes runs with the same name. A sequence may
        load its members lazily. Runs that are missing here are shown without recordings.
    out : Path
        The HTML file; missing folders are created. More than 10 MB of audio goes into a folder beside it.
    embed : {"evidence", "all", "none"}
        "evidence" keeps at most 12 clips of 6 s, "all" every tap of the take shown, "none" no audio.

    voices : mapping of run folder or run name to VoiceProfile, optional
        Profiles that the replies of runs were compared with. Their samples are shown beside the recordings.

    Raises
    ------
    BadInputError
        If the file cannot be written.
    """
    out, document = Path(out), report.to_json()
    report = localised(report)
    picks = _picks(report, takes)
    room = EXCHANGE_SHARE * room_for(len(picks)) if embed == "evidence" else math.inf
    exchanges = exchanges_of(report.comparisons, report.runs, picks, room) if embed != "none" else []
    samples = _samples(report, voices or {})
    with page_folder(out, next_step="name another folder with --out"):
        players = players_of(
            [(index, report.runs[index], picks[index]) for index in _worst_first(report, picks)],
            embed,
            out,
            samples,
            exchanges,
        )
        views = [
            run_view(run, index, picks.get(index), players, samples.get(index)) for index, run in enumerate(report.runs)
        ]
        rows = bench_rows(report.bench.rows if report.bench else (), views)
        title, verdict, measured = _title(report), verdict_line(report), measured_line(report)
        dated = days_of([time for run in report.runs if (time := _made(run))])
        page = rendered(
            "report.html.j2",
            title=title,
            verdict=verdict,
            measured=measured,
            dated=dated,
            copied=copied_verdict(verdict, title, measured, dated, report.runs if report.bench is None else ()),
            runs=views,
            runs_shown=_in_order(report, views),
            comparisons=[
                compare_view(comparison, index, report.runs, picks, players)
                for index, comparison in enumerate(report.comparisons)
            ],
            bench=rows,
            expected_of={row.anchor: row for row in rows if row.anchor and row.state is State.GOOD},
            release=report.release,
            **release_values(report.release),
            tally=[(state, sum(check.state is state for view in views for check in view.checks)) for state in State],
            document=packed(document, out.parent),
            size=size_note(players.values()),
            switches=bool(report.comparisons),
            origin="Every figure is derived from saved recordings and events alone.",
            command=_command(report),
            folded=len(report.runs) > FOLD_FROM,
            stages=stages(),
            unknown=State.UNKNOWN,
        )
        write_page(out, page)
    return out


def _samples(report: Report, voices: Mapping[str, VoiceProfile]) -> dict[int, VoiceSample]:
    """Return the samples of the profiles that runs were compared with, by index of the run."""
    found = {}
    for index, run in enumerate(report.runs):
        voice = voices.get(run.folder or run.name, voices.get(run.name))
        clip = None if voice is None else sample_of(voice)
        if voice is not None and clip is not None:
            found[index] = VoiceSample(voice.name, voice_origin(voice), clip)
    return found


def _made(run: RunResult) -> str:
    """Return when a run was started, as its folder says; empty if that cannot be read."""
    try:
        return str(read_run(Path(run.folder)).facts.get("made", "")) if run.folder else ""
    except BadInputError:
        return ""


def _in_order(report: Report, views: Sequence[RunView]) -> list[tuple[str, RunView]]:
    """Return runs with their side (A or B), failing runs first; a bench, where most must fail, keeps its order."""
    two = len(report.runs) == len(report.comparisons) + 1 == 2
    shown = list(zip("AB" if two else [""] * len(views), views, strict=True))
    return shown if report.bench else sorted(shown, key=lambda item: -item[1].state.rank)


def _command(report: Report) -> str:
    if report.release is not None:
        return report.release.command
    return report.bench.command if report.bench else ""


def _title(report: Report) -> str:
    names = [run.name for run in report.runs]
    return ", ".join(names) if len(names) <= FOLD_FROM else f"{len(names)} configurations"


def _picks(report: Report, takes: Mapping[str, Sequence[Take]]) -> dict[int, Pick]:
    """Return the representative take of each run; compared runs get takes of the same prompt if possible."""
    worst_first = sorted(range(len(report.runs)), key=lambda index: -_worst(report.runs[index]))
    found: dict[int, Pick] = {}
    for index in worst_first:
        run = report.runs[index]
        like = next(iter(found.values()), None) if report.comparisons else None
        chosen = pick(run, takes.get(run.folder or run.name, takes.get(run.name, ())), like)
        if chosen is not None:
            found[index] = chosen
    return found


def _worst(run: RunResult) -> int:
    return max((item.finding.severity.rank for item in run.findings), default=Severity.INFO.rank)


def _worst_first(report: Report, picks: Mapping[int, Pick]) -> list[int]:
    """Return runs in the order in which their audio is embedded: compared runs first, then the worst."""
    compared = {name for item in report.comparisons for name in (item.a, item.b)} if len(report.runs) == 2 else set()

    def rank(index: int) -> tuple[bool, int]:
        return (report.runs[index].name not in compared, -_worst(report.runs[index]))

    return sorted(picks, key=rank)
