"""Findings as the report shows them: title, hop, cause, fix, evidence, confidence, and where to listen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from diag.core.chain import Hop
from diag.core.results import Finding, RunFinding, RunResult, Spot
from diag.core.states import State
from diag.judge.registry import HEADINGS, all_rules
from diag.report.manual import sections
from diag.report.sentences import capitalised, full_stop, how_sure, state_of, times_found, word_of
from diag.report.shelf import Players

_MOST_SPOTS = 3


@dataclass(frozen=True)
class Hearing:
    """Where a finding can be heard: a player and a time in it; `player` is None if the audio is not in the report."""

    player: str | None
    at_s: float
    words: str


@dataclass(frozen=True)
class EvidenceView:
    """A sentence of evidence and the places where it can be heard."""

    text: str
    hearings: tuple[Hearing, ...]


@dataclass(frozen=True)
class FindingView:
    """One finding of a run."""

    anchor: str
    found: RunFinding
    state: State
    word: str
    title: str
    often: str
    evidence: tuple[EvidenceView, ...]
    ends: tuple[Hearing, ...]
    why: str
    does_not_prove: str
    sure: str
    consequences: tuple[RunFinding, ...]
    copy: str


def findings_of(run: RunResult, index: int, players: Players) -> tuple[FindingView, ...]:
    """Return root findings, worst first, each with its consequences; a consequence without its root is shown alone."""
    raised = {item.finding.code for item in run.findings}
    roots = [item for item in run.findings if item.finding.consequence_of not in raised]
    roots.sort(key=lambda item: (-item.finding.severity.rank, item.finding.code))
    return tuple(_view(run, index, item, f"f{index + 1}-{item.finding.code}", players) for item in roots)


def _view(run: RunResult, index: int, item: RunFinding, anchor: str, players: Players) -> FindingView:
    finding = item.finding
    following = tuple(other for other in run.findings if other.finding.consequence_of == finding.code)
    return FindingView(
        anchor=anchor,
        found=item,
        state=state_of(finding.severity),
        word=word_of(finding.severity),
        title=capitalised(finding.title),
        often=times_found(item),
        evidence=tuple(
            EvidenceView(evidence.text, _hearings(evidence.spots, index, players)) for evidence in finding.evidence
        ),
        ends=_ends(finding, index, players),
        why=_manual(finding.code).get("Why it matters", ""),
        does_not_prove=_manual(finding.code).get("Does not prove", ""),
        sure=how_sure(finding),
        consequences=following,
        copy=_issue_text(run, item),
    )


def _hearings(spots: Sequence[Spot], index: int, players: Players) -> tuple[Hearing, ...]:
    return tuple(_hearing(spot, index, players) for spot in spots[:_MOST_SPOTS])


def _ends(finding: Finding, index: int, players: Players) -> tuple[Hearing, ...]:
    """Return where to listen at both ends of the hop, for faults that last throughout."""
    taps = finding.hop.ends if finding.hop and finding.hop is not Hop.SERVICE else ()
    found = ((tap, players.get((index, tap))) for tap in taps)
    return tuple(
        Hearing(player.id, player.onset_s or 0.0, tap.value) for tap, player in found if player and not player.left_out
    )


def _hearing(spot: Spot, index: int, players: Players) -> Hearing:
    player = players.get((index, spot.tap))
    words = f"{spot.tap.value} at {spot.start_s:.2f} s"
    if player is None or player.left_out:
        return Hearing(None, spot.start_s, words)
    at_s = spot.start_s - player.offset_s
    inside = -0.05 <= at_s < player.duration_s
    return Hearing(player.id if inside else None, max(at_s - 0.6, 0.0), words)


def _issue_text(run: RunResult, item: RunFinding) -> str:
    """Return the text to paste into an issue: words and figures, no audio, no keys."""
    finding = item.finding
    place = f" on the {finding.hop.value} hop ({finding.hop.owner})" if finding.hop else ""
    lines = [
        f"{finding.code} {finding.name}: {full_stop(capitalised(finding.title))}",
        f"{times_found(item)} of {run.name}{place}.",
        *(f"- {full_stop(evidence.text)}" for evidence in finding.evidence),
        f"Likely cause: {full_stop(finding.likely_cause)}",
        f"Fix: {full_stop(finding.fix)}",
        f"How sure: {how_sure(finding)}.",
        f"Seen with: {', '.join(_versions(run))}.",
    ]
    return "\n".join(lines)


def _versions(run: RunResult) -> list[str]:
    packages = run.environment.get("packages")
    named = [f"{name} {version}" for name, version in packages.items()] if isinstance(packages, Mapping) else []
    session = run.config.get("session")
    known = {
        "diag": run.tool_version,
        "Python": run.environment.get("python"),
        "audio": run.environment.get("audio"),
        "endpoint": run.environment.get("endpoint"),
        "model": session.get("model") if isinstance(session, Mapping) else None,
    }
    return [*(f"{name} {value}" for name, value in known.items() if value), *named]


@cache
def _manual(code: str) -> Mapping[str, str]:
    """Return the documentation of a rule by heading; empty for a code that no longer exists."""
    document = next((rule.documentation for rule in all_rules() if rule.code == code), None)
    return sections(document or "", HEADINGS)
