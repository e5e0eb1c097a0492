"""Findings as the report shows them: title, hop, cause, fix, evidence, confidence, and where to listen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from diag import __version__
from diag.core.chain import Hop, Tap
from diag.core.results import Finding, RunFinding, RunResult, Spot
from diag.core.states import State
from diag.judge.registry import all_rules
from diag.report.language import tr
from diag.report.localised import rule_texts
from diag.report.sentences import capitalised, full_stop, how_sure, state_of, times_found, word_of
from diag.report.shelf import Player, Players

_MOST_SPOTS = 3
_LEAD_S = 0.6
"""How long before a place of a take playing starts."""


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


@dataclass(frozen=True)
class Listening:
    """Where the places that evidence names can be heard.

    Parameters
    ----------
    find : callable
        Returns the player that holds a time of a tap's recording; None if it is not in the report.
    name : callable
        Returns what the recording of a tap is called.
    lead_s : float
        How long before a place playing starts.
    """

    find: Callable[[Tap, float], Player | None]
    name: Callable[[Tap], str]
    lead_s: float

    def at(self, tap: Tap, at_s: float, *, named_s: float | None = None) -> Hearing:
        """Return where a time of a tap's recording can be heard; `named_s` is what the words say, if it differs."""
        words = tr("{tap} at {at_s:.2f} s").format(tap=self.name(tap), at_s=at_s if named_s is None else named_s)
        player = self.find(tap, at_s)
        if player is None or player.left_out or not -0.05 <= at_s - player.offset_s < player.duration_s:
            return Hearing(None, at_s, words)
        return Hearing(player.id, max(at_s - player.offset_s - self.lead_s, 0.0), words)


def findings_of(run: RunResult, index: int, players: Players) -> tuple[FindingView, ...]:
    """Return root findings, worst first, each with its consequences; a consequence without its root is shown alone."""
    listening = Listening(lambda tap, _: players.get((index, tap)), lambda tap: tap.value, _LEAD_S)
    ordered = _roots(run.findings)
    return tuple(
        _view(item, run.findings, f"f{index + 1}-{item.finding.code}", listening, often=times_found(item),
              ends=_ends(item.finding, index, players), copy=_run_text(run, item))
        for item in ordered
    )  # fmt: skip


def recording_findings(
    findings: Sequence[Finding], name: str, index: int, listening: Listening
) -> tuple[FindingView, ...]:
    """Return the root findings of one recording, worst first, each with its consequences."""
    items = [RunFinding(finding=finding, take_ids=(), counted=1) for finding in findings]
    where = tr("Found in {name}.").format(name=name)
    return tuple(
        _view(item, items, f"f{index + 1}-{item.finding.code}", listening, often="", ends=(),
              copy="\n".join(_issue_lines(item.finding, where, [f"diag {__version__}"])))
        for item in _roots(items)
    )  # fmt: skip


def _roots(items: Sequence[RunFinding]) -> list[RunFinding]:
    raised = {item.finding.code for item in items}
    roots = [item for item in items if item.finding.consequence_of not in raised]
    return sorted(roots, key=lambda item: (-item.finding.severity.rank, item.finding.code))


def _view(
    item: RunFinding,
    every: Sequence[RunFinding],
    anchor: str,
    listening: Listening,
    *,
    often: str,
    ends: tuple[Hearing, ...],
    copy: str,
) -> FindingView:
    finding = item.finding
    return FindingView(
        anchor=anchor,
        found=item,
        state=state_of(finding.severity),
        word=word_of(finding.severity),
        title=capitalised(finding.title),
        often=often,
        evidence=tuple(EvidenceView(entry.text, _hearings(entry.spots, listening)) for entry in finding.evidence),
        ends=ends,
        why=_manual(finding.code).get("Why it matters", ""),
        does_not_prove=_manual(finding.code).get("Does not prove", ""),
        sure=how_sure(finding),
        consequences=tuple(other for other in every if other.finding.consequence_of == finding.code),
        copy=copy,
    )


def _hearings(spots: Sequence[Spot], listening: Listening) -> tuple[Hearing, ...]:
    """Return where to listen, with the middle of each place in words, and places with the same words once."""
    every = (listening.at(spot.tap, spot.start_s, named_s=(spot.start_s + spot.end_s) / 2) for spot in spots)
    return tuple({hearing.words: hearing for hearing in every}.values())[:_MOST_SPOTS]


def _ends(finding: Finding, index: int, players: Players) -> tuple[Hearing, ...]:
    """Return where to listen at both ends of the hop, for faults that last throughout."""
    taps = finding.hop.ends if finding.hop and finding.hop is not Hop.SERVICE else ()
    found = ((tap, players.get((index, tap))) for tap in taps)
    return tuple(
        Hearing(player.id, player.onset_s or 0.0, tap.value) for tap, player in found if player and not player.left_out
    )


def _run_text(run: RunResult, item: RunFinding) -> str:
    """Return the text to paste into an issue: words and figures, no audio, no keys."""
    hop = item.finding.hop
    place = tr(" on the {hop} hop ({owner})").format(hop=tr(hop.value), owner=tr(hop.owner)) if hop else ""
    where = tr("{often} of {run}{place}.").format(often=times_found(item), run=run.name, place=place)
    return "\n".join(_issue_lines(item.finding, where, _versions(run)))


def _issue_lines(finding: Finding, where: str, versions: Sequence[str]) -> list[str]:
    return [
        f"{finding.code} {finding.name}: {full_stop(capitalised(finding.title))}",
        where,
        *(f"- {full_stop(evidence.text)}" for evidence in finding.evidence),
        f"{tr('Likely cause')}: {full_stop(finding.likely_cause)}",
        f"{tr('Fix')}: {full_stop(finding.fix)}",
        f"{tr('How sure')}: {how_sure(finding)}.",
        f"{tr('Seen with')}: {', '.join(versions)}.",
    ]


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


def _manual(code: str) -> Mapping[str, str]:
    """Return the documentation of a rule by heading; empty for a code that no longer exists."""
    rule = next((rule for rule in all_rules() if rule.code == code), None)
    return rule_texts(rule) if rule is not None else {}
