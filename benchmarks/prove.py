"""Every finding proven end to end: each configuration of `scenarios/faults` is run, and each lone recording judged.

A code is proven where its own fault raises it first, on its own hop, in every take, and nothing else is found but the
consequences that the configuration declares. `make prove` runs all; `--from` judges the takes of an earlier run again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.prove_recordings import prove_recordings
from diag.api.options import Options
from diag.api.self_check import check_scenarios
from diag.cli.progress import TerminalProgress
from diag.core.results import RunResult, Severity
from diag.files.run_folders import finished_takes, read_run, read_take
from diag.files.scenario_folders import built_in_folder, group_files
from diag.files.scenarios import Expect, Scenario
from diag.files.voice_profiles import voice_of_run
from diag.judge.engine import judge_run, judge_take
from diag.judge.registry import all_rules

IN_TESTS = {
    "ENV001": "tests/judge/rules: no device at all, which a machine with audio cannot show",
    "ENV003": "tests/judge/rules: an ear that hears no burst",
    "ENV004": "tests/judge/rules: a harness that is late, which nothing under test may cause",
    "ENV006": "raised by every run with fewer than five takes, so by each of these",
    "ENV007": "tests/judge/rules: devices of this machine that lose audio, which virtual devices never do",
    "SND022": "tests/api/test_watched_sessions.py: a session whose prompt was not recorded",
    **dict.fromkeys(
        (rule.code for rule in all_rules() if rule.code.startswith("APP")),
        "tests/api/test_app_takes.py: an app that does not get that far",
    ),
    **dict.fromkeys(
        (rule.code for rule in all_rules() if rule.code.startswith("WEB")),
        "tests/judge/rules/test_rules_on_pages.py: pages in a real browser",
    ),
}
"""Codes that no configuration can provoke, and where they are raised."""


@dataclass(frozen=True)
class Proof:
    """One fault and what was found of it.

    Parameters
    ----------
    code : str
        That it must raise.
    first : str
        Code of the finding that was reported first; empty where nothing was found.
    others : tuple of str
        Other roots, and consequences that were not declared.
    """

    name: str
    code: str
    first: str
    others: tuple[str, ...]
    consequences: tuple[str, ...] = ()
    discarded: int = 0
    counted: bool = True
    in_every_take: bool = True

    @property
    def found(self) -> bool:
        """Whether the code was reported first, in every take."""
        return self.first == self.code and self.in_every_take

    @property
    def proven(self) -> bool:
        """Whether besides nothing else was found but declared consequences."""
        return self.found and not self.others

    @property
    def words(self) -> str:
        """The state in one word."""
        if not self.counted:
            return "no take counts"
        return "proven" if self.proven else ("not alone" if self.found else "MISSED")


def proof_of(name: str, expect: Expect, result: RunResult) -> Proof:
    """Return what a run shows of the finding that its configuration expects."""
    (code,) = expect.findings
    weighty = [
        item for item in result.findings if item.finding.severity is not Severity.INFO or item.finding.code == code
    ]
    own = next((item for item in weighty if item.finding.code == code and item.finding.consequence_of is None), None)
    consequences = [item.finding.code for item in weighty if item.finding.consequence_of is not None]
    roots = [item.finding.code for item in weighty if item.finding.consequence_of is None]
    undeclared = [other for other in consequences if other not in expect.consequences and other != code]
    return Proof(
        name=name,
        code=code,
        first=weighty[0].finding.code if weighty else "",
        others=tuple(other for other in roots if other != code) + tuple(f"({other})" for other in undeclared),
        consequences=tuple(consequences),
        discarded=len(result.takes) - len(result.counted),
        counted=bool(result.counted),
        in_every_take=own is not None and len(own.take_ids) == len(result.counted),
    )


def judged_again(folder: Path, only: Sequence[str]) -> Iterator[Proof]:
    """Judge the saved takes below a folder again; of several runs of one configuration the last one."""
    runs = {
        path.parent.name.split("-", 2)[-1].rsplit("-", 1)[0]: path.parent for path in sorted(folder.rglob("run.json"))
    }
    known = {scenario.name: scenario for scenario in _scenarios()}
    for name, place in sorted(runs.items()):
        if name not in known or (only and not set(known[name].expect.findings) & set(only)):
            continue
        voice = voice_of_run(place)
        takes = [judge_take(read_take(place / "takes" / take_id), voice=voice) for take_id in finished_takes(place)]
        scenario, environment = known[name], dict(read_run(place).facts["environment"])
        result = judge_run(name, scenario.title, takes, scenario.client, environment)
        yield proof_of(name, scenario.expect, result)


def _scenarios() -> list[Scenario]:
    from diag.files.scenarios import find_scenarios

    return find_scenarios(["faults"])


def recorded(options: Options, only: Sequence[str]) -> Iterator[Proof]:
    """Record and judge the configurations."""
    scenarios = _scenarios()
    expected = {scenario.name: scenario.expect for scenario in scenarios}
    chosen = [scenario.name for scenario in scenarios if set(scenario.expect.findings) & set(only)]
    names = [f"faults/{name}" for name in chosen] or ["faults"]
    with TerminalProgress() as progress:
        report = check_scenarios(options, progress, scenarios=names)
    for result in report.runs:
        yield proof_of(result.name, expected[result.name], result)


def table(proofs: Iterable[Proof]) -> str:
    """Return the proofs as lines."""
    lines = [f"{'fault':<13} {'state':<14} {'first found':<12} others; consequences in brackets that were not declared"]
    for proof in proofs:
        more = f"  [{', '.join(proof.consequences)}]" if proof.consequences else ""
        lost = f"  {proof.discarded} discarded" if proof.discarded else ""
        lines.append(
            f"{proof.name:<13} {proof.words:<14} {proof.first or '-':<12} {', '.join(proof.others)}{more}{lost}"
        )
    return "\n".join(lines)


def summary(proofs: Sequence[Proof]) -> str:
    """Return how many codes of the catalogue are proven, and which are not."""
    every = {rule.code for rule in all_rules()}
    proven = {proof.code for proof in proofs if proof.proven}
    found = {proof.code for proof in proofs if proof.found}
    beside = {other.strip("()"): proof.name for proof in proofs for other in proof.others}
    tests = set(IN_TESTS) & every
    rest = sorted(every - proven - tests)
    return "\n".join(
        [
            f"{len(every)} codes in the catalogue: {len(proven)} proven end to end, {len(found)} found first on the "
            f"right hop, {len(tests - proven)} provoked in tests alone ({', '.join(sorted(tests - proven))})",
            f"not proven: {', '.join(rest) or 'none'}",
            "raised by another fault without being declared: "
            + ", ".join(f"{code} by {fault}" for code, fault in sorted(beside.items()))
            if beside
            else "no code is raised by another fault, except as a declared consequence",
        ]
    )


def main() -> int:
    """Print the table; the exit code is 1 where a code is not proven."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("codes", nargs="*", type=str.upper, help="only these; else all")
    parser.add_argument("--from", dest="source", type=Path, help="judge the takes below this folder again")
    parser.add_argument("--audio", default="wire")
    parser.add_argument("--takes", type=int, default=1)
    parser.add_argument("--out", type=Path, help="where runs are kept; else nowhere")
    given = parser.parse_args()
    known = {tomllib.loads(path.read_text("utf-8"))["expect"]["findings"][0] for path in group_files("faults")}
    assert known, built_in_folder()
    lone = given.codes and all(code.startswith("REC") for code in given.codes)
    with tempfile.TemporaryDirectory() as scratch:
        proofs: list[Proof] = []
        if given.source:
            proofs += judged_again(given.source, given.codes)
        elif not lone:
            options = Options(audio=given.audio, takes=given.takes, out=given.out or Path(scratch))
            proofs += recorded(options, [code for code in given.codes if code in known])
        for name, code, first, others in prove_recordings(given.codes, Path(scratch)):
            proofs.append(Proof(name, code, first, others))
    print(table(proofs))
    print()
    print(summary(proofs))
    return 0 if all(proof.proven for proof in proofs) else 1


if __name__ == "__main__":
    sys.exit(main())
