"""Write docs/measures.md with its pictures, docs/findings.md, docs/troubleshooting.md and docs/glossary.md.

The first two come from the docstrings of metrics and rules, the last two from `diag.report.symptoms`.

.venv/bin/python tools/make_reference.py [--words]

With `--words`, the pictures are not drawn again.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pictures

from diag.core.chain import Hop, Tap
from diag.judge.registry import Rule, Scope, all_rules
from diag.measure.registry import Metric, MetricKind, all_metrics
from diag.report.manual import severities
from diag.report.sentences import label
from diag.report.symptoms import GLOSSARY, SYMPTOMS, Symptom, rules_of

DOCS = Path(__file__).resolve().parent.parent / "docs"
PICTURES = "pictures/measures"
BETTER = {
    "lower": "lower is better",
    "higher": "higher is better",
    "one": "1 is right",
    "zero": "0 is right",
    "none": "explains, does not judge",
}


def main() -> int:
    """Write the documents and the pictures."""
    if "--words" not in sys.argv[1:]:
        pictures.write(DOCS / PICTURES)
    (DOCS / "measures.md").write_text(measures(), encoding="utf-8")
    (DOCS / "findings.md").write_text(findings(), encoding="utf-8")
    (DOCS / "troubleshooting.md").write_text(troubleshooting(), encoding="utf-8")
    (DOCS / "glossary.md").write_text(glossary(), encoding="utf-8")
    return 0


def measures() -> str:
    """Return docs/measures.md."""
    metrics = sorted(all_metrics(), key=lambda metric: metric.name)
    head = (
        "# Measures\n\n"
        "`make reference` writes this page from the docstrings. `diag explain MEASURE` prints one section.\n\n"
        "A measure has a value, or a reason why it has none. Each value has a tier, which says where it comes from:\n\n"
        "| tier | the value comes from |\n|---|---|\n"
        "| waveform | a comparison with the input of the same segment |\n"
        "| profile | a comparison with other recordings of the same voice |\n"
        "| blind | the recording alone |\n"
        "| events | the times of events |\n\n"
        "Values of different tiers are never combined.\n\n"
        "The mouth is the loudspeaker that speaks the prompt, and the ear is the microphone that records what comes "
        "out. A tap is a point at which sound is recorded. A hop or segment is the part of the chain between two "
        "taps.\n\n"
        "The figures in a picture are what the measure gives for the clip that is drawn. [accuracy.md](accuracy.md) "
        "shows from which strength on faults are found.\n\n"
        "| group | measure | in reports | unit | measured on | |\n|---|---|---|---|---|---|\n"
    )
    in_report = sorted(metrics, key=lambda metric: (metric.place_in_report, metric.name))
    rows = [
        f"| {metric.group.value} | [`{metric.name}`](#{metric.name}) | {label(metric.name)} | {metric.unit} "
        f"| {place_of(metric)} | {BETTER[metric.better]} |"
        for metric in in_report
    ]
    sections = [
        f"\n## {name}\n" + "".join(map(measure_section, same_name)) + shown(name)
        for name, same_name in groupby(metrics, key=lambda metric: metric.name)
    ]
    return head + "\n".join(rows) + "\n" + "".join(sections)


def place_of(metric: Metric) -> str:
    """Return where a metric is measured, in words."""
    if metric.kind is MetricKind.SEGMENT:
        return "every segment"
    if metric.taps == tuple(Tap):
        return "every tap"
    if metric.taps:
        return "tap: " + ", ".join(tap.value for tap in metric.taps)
    return "each turn" if "turn" in metric.needs else "each take"


def measure_section(metric: Metric) -> str:
    """Return the text on one metric at one kind of place."""
    text = in_markdown(inspect.getdoc(metric.function) or "")
    return f"\nMeasured on {place_of(metric).replace(':', 's', 1)}. {text}\n"


def shown(name: str) -> str:
    """Return the picture of a measure, or nothing where none is drawn yet; a test reports that."""
    stem = pictures.name_of(name)
    return f"\n![{pictures.PICTURES[stem].words}]({PICTURES}/{stem}.png)\n" if stem else ""


FAMILIES = {
    "APP": ("The app as the client of a take", "the author of the app"),
    "WEB": ("A web page as the client", "the author of the page"),
    "CFG": ("Configuration and session", "the client's setup, or the account"),
    "ENV": ("The measurement itself", "this machine"),
    "MIC": ("Microphone hop", Hop.MICROPHONE.owner),
    "SND": ("Sender hop", Hop.SENDER.owner),
    "SVC": ("Service hop", Hop.SERVICE.owner),
    "PLY": ("Player hop", Hop.PLAYER.owner),
    "SPK": ("Speaker hop", Hop.SPEAKER.owner),
    "TRN": ("Turn-taking", "the setup of the session, or the service"),
    "REC": ("One recording alone", "not known: the recording does not tell where the fault arose"),
}
"""First three letters of a code: what the findings are about, and who can fix them. In the order of this page."""

COMPARED_HOPS = (Hop.MICROPHONE, Hop.SENDER, Hop.PLAYER, Hop.SPEAKER)


def findings() -> str:
    """Return docs/findings.md."""
    rules = all_rules()
    families = {name: [rule for rule in rules if rule.code.startswith(name)] for name in FAMILIES}
    lost = [rule.code for rule in rules if rule.code[:3] not in FAMILIES]
    if lost:
        raise ValueError(f"FAMILIES has no entry for {', '.join(lost)}")
    return (
        "# Findings\n\n"
        "`make reference` writes this page from the docstrings. `diag explain CODE` prints one section.\n\n"
        f"There are {len(rules)} codes. A code never changes its meaning and is never used again.\n\n"
        "## Families\n\n"
        "The first three letters of a code say where the fault is, and so who can fix it.\n\n"
        "| codes | about | who can fix it | how many |\n|---|---|---|---:|\n"
        + "".join(map(family_row, families.items()))
        + "\n## One fault, one code for each hop\n\n"
        "These faults can occur wherever sound is passed on. One detector judges all hops. The code says on which hop "
        "the fault was found. Neighbouring hops that were not recorded separately are judged as one, and the finding "
        "then takes the code of the client's hop.\n\n" + by_hop(rules) + "".join(map(family_section, families.items()))
    )


def troubleshooting() -> str:
    """Return docs/troubleshooting.md."""
    return (
        "# Troubleshooting\n\n"
        "`make reference` writes this page. `diag explain WORD` prints one section, as `diag explain dull`.\n\n"
        "Find what you hear. The commands tell the causes apart. `my_app.toml` stands for your "
        "[configuration](configuration.md), `heard.wav` for a recording of what came out, and `received.wav` for what "
        "the service sent. The findings are sorted: the most usual cause comes first.\n\n"
        + "".join(f"- [{symptom.title}](#{anchor(symptom.title)})\n" for symptom in SYMPTOMS)
        + "".join(map(symptom_section, SYMPTOMS))
    )


def symptom_section(symptom: Symptom) -> str:
    """Return the section of one symptom: the commands, then the findings."""
    width = max(len(command) for command, _ in symptom.commands)
    commands = "\n".join(f"{command:<{width}}  # {tells}" for command, tells in symptom.commands)
    rows = "\n".join(
        f"| [{rule.code}](findings.md#{anchor(f'{rule.code} {rule.name}')}) | {rule.documentation.splitlines()[0]} |"
        for rule in rules_of(symptom, all_rules())
    )
    words = ", ".join(f"`{word}`" for word in symptom.words)
    return (
        f"\n## {symptom.title}\n\nOther words for it: {words}.\n\n```sh\n{commands}\n```\n\n"
        f"| finding | what it means |\n|---|---|\n{rows}\n"
    )


def glossary() -> str:
    """Return docs/glossary.md."""
    rows = "\n".join(f"| {word} | {meaning} |" for word, meaning in sorted(GLOSSARY.items()))
    return (
        "# Glossary\n\n`make reference` writes this page. `diag explain WORD` prints one line of it.\n\n"
        f"| word | meaning |\n|---|---|\n{rows}\n"
    )


def family_row(item: tuple[str, Sequence[Rule]]) -> str:
    """Return one family in one line."""
    name, rules = item
    about, owner = FAMILIES[name]
    return f"| [{name}](#{anchor(f'{name}: {about}')}) | {about} | {owner} | {len(rules)} |\n"


def by_hop(rules: Sequence[Rule]) -> str:
    """Return a table of the detectors that judge several hops, with the code on each."""
    codes: dict[str, dict[Hop, Rule]] = {}
    for rule in rules:
        if rule.scope is Scope.SEGMENT and rule.hop is not None:
            codes.setdefault(rule.function.__name__, {})[rule.hop] = rule
    lines = [
        f"| fault | {' | '.join(hop.value for hop in COMPARED_HOPS)} |",
        "|---|" + "---|" * len(COMPARED_HOPS),
    ]
    for detector, places in codes.items():
        cells = [link(places[hop]) if hop in places else "–" for hop in COMPARED_HOPS]
        lines.append(f"| {detector.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def family_section(item: tuple[str, Sequence[Rule]]) -> str:
    """Return one family: a table of its findings, then a section for each."""
    name, rules = item
    about, owner = FAMILIES[name]
    rows = [
        f"| {link(rule)} | {rule.name} | {' or '.join(severities(rule))} | {rule.documentation.splitlines()[0]} |"
        for rule in rules
    ]
    return (
        f"\n## {name}: {about}\n\nWho can fix it: {owner}.\n\n"
        "| code | name | severity | what it means |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
        + "".join(map(finding_section, rules))
    )


def link(rule: Rule) -> str:
    """Return a link to the section of a rule."""
    return f"[{rule.code}](#{anchor(f'{rule.code} {rule.name}')})"


def anchor(heading: str) -> str:
    """Return the anchor that Markdown viewers give a heading."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def finding_section(rule: Rule) -> str:
    """Return the section of one rule."""
    text = in_markdown(rule.documentation)
    cause = (
        f"\n\nReported as a consequence if one of these is found too: {', '.join(rule.explained_by)}."
        if rule.explained_by
        else ""
    )
    return f"\n### {rule.code} {rule.name}\n\n{text}{cause}\n"


def in_markdown(docstring: str) -> str:
    """Return a docstring with its headings as bold words, each with its text as paragraphs below."""
    lines = []
    for line in docstring.splitlines():
        heading = re.fullmatch(r"(What|What it shows|[A-Z][a-z–-]+(?: [a-z–-]+){0,3}):?", line)
        lines.append(f"\n**{heading[1]}**\n" if heading else line.removeprefix("    "))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


if __name__ == "__main__":
    sys.exit(main())
