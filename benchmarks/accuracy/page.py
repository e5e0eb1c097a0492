"""docs/accuracy.md, written from the records of the trials."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from .planted import BACKGROUNDS, Fault
from .trials import FAULTS_OF, Group, Record
from .voices import Voice

CLEAN = BACKGROUNDS[0]
ADDED_CODE = "PLY014"
"""Finding of the noise that is the background of a trial."""
_TITLES = {
    Group.PAIR: "Faults with the reference",
    Group.ALONE: "Faults of a recording alone",
    Group.VOICE: "Faults against the profile of the voice",
}
_TOLD_CONFUSIONS = 4
KNOWN_MISSES = """## What is missed

- Fine damage behind Opus at 24 kbit/s, such as short gaps and chunks that overlap. The codec replaces the waveform
  that the measures compare.
- A gap of 20 ms in noise 20 dB below the speech, where the speech is as soft as the noise.
- A companding table that is 9 dB off, behind Opus: it is named as a change of level.
- Whether a recording alone plays 1.5 times too fast: fast speakers sound the same. Where it cannot be told, the
  verdict says that the speed was not checked.
"""


def fault_of(record: Record) -> Fault:
    """Return the fault that was planted."""
    return FAULTS_OF[record.task.group][record.task.name]


def named(record: Record) -> bool:
    """Return whether the fault is among the root findings."""
    return bool(set(record.codes) & set(fault_of(record).codes))


def of_fault(record: Record) -> tuple[str, ...]:
    """Return the root findings without that of the background, where the background is a fault by itself."""
    noisy = record.task.background.startswith("noise") and ADDED_CODE not in fault_of(record).codes
    return tuple(code for code in record.codes if not (noisy and code == ADDED_CODE))


def first(record: Record) -> bool:
    """Return whether the fault is the first finding."""
    codes = of_fault(record)
    return bool(codes) and codes[0] in fault_of(record).codes


def right(record: Record) -> bool:
    """Return whether the fault is the first finding, and its size is stated right where it has one."""
    size = fault_of(record).size
    sized = size is None or record.size is None or size.holds(record.size, record.measured)
    return first(record) and sized


def stated(record: Record) -> bool:
    """Return whether a fault was planted of which the documentation says that it is found."""
    return record.task.group in FAULTS_OF and fault_of(record).is_stated(record.task.strength)


def wrong_good(record: Record) -> bool:
    """Return whether a planted fault was called good, or other words a faithful copy."""
    if record.task.group is Group.BREAKS:
        return record.good and any(duration_s >= 0.03 for _, duration_s, _, _ in record.found)
    return record.good and (record.task.group is Group.UNRELATED or stated(record))


def false_errors(records: Iterable[Record]) -> list[Record]:
    """Return the healthy recordings that were called an error."""
    return [record for record in records if record.task.group in _HEALTHY and record.errors]


_HEALTHY = (Group.HEALTHY_PAIR, Group.HEALTHY_ALONE)


def is_miss(record: Record) -> bool:
    """Return whether something about a trial is wrong."""
    if record.task.group in _HEALTHY:
        return bool(record.codes or (record.events and record.task.group is Group.HEALTHY_PAIR))
    if record.task.group is Group.UNRELATED:
        return record.good
    if record.task.group is Group.BREAKS:
        return wrong_good(record) or not all(found for _, _, found, _ in record.found) or bool(record.events)
    return stated(record) and not right(record)


def voices_in_words(every: Sequence[Voice], half: str) -> str:
    """Return which voices there are, in words."""
    speakers = len({voice.speaker for voice in every})
    real = "real" if all(voice.real for voice in every) else "synthesised (no recorded voices at hand)"
    minutes = sum(voice.duration_s for voice in every) / 60
    return f"{len(every)} {real} recordings ({minutes:.0f} min) of {speakers} {half} speakers"


def written(records: Sequence[Record], *, voices: str, command: str, seed: int, minutes: float) -> str:
    """Return the page."""
    parts = [
        "# Accuracy\n",
        f"Written by `{command}` (seed {seed}, {minutes:.0f} min): {len(records)} trials on {voices}. Thresholds were "
        "chosen on the other half of the speakers. Each trial is a recording with a planted fault, or healthy, through "
        "`diag analyze`. CONTRIBUTING.md says how to get the voices and how to run it.\n",
        _summary(records),
    ]
    parts += [_faults(records, group) for group in FAULTS_OF if any(record.task.group is group for record in records)]
    parts += [_confusion(records), _breaks(records), _healthy(records), KNOWN_MISSES]
    return "\n".join(part for part in parts if part)


def _count(hits: int, count: int) -> str:
    return f"{hits} of {count}"


def _share(hits: int, count: int) -> str:
    return f"{100 * hits / count:.1f} % ({hits} of {count})" if count else "–"


def _of(records: Iterable[Record], test: Callable[[Record], bool]) -> str:
    listed = list(records)
    return _share(sum(map(test, listed)), len(listed))


def _summary(records: Sequence[Record]) -> str:
    planted = [record for record in records if stated(record)]
    pairs = [record for record in planted if record.task.group is Group.PAIR]
    clean = [record for record in pairs if record.task.background == CLEAN]
    alone = [record for record in planted if record.task.group is not Group.PAIR]
    breaks = [item for record in records for item in record.found]
    could = [*pairs, *alone, *(record for record in records if record.task.group is Group.UNRELATED),
             *(record for record in records if record.task.group is Group.BREAKS and record.found)]  # fmt: skip
    rows: list[tuple[str, str, str]] = [
        ("stated faults with the reference, clean: first finding, and size right", "≥ 95 %", _of(clean, right)),
        ("the same over noise and Opus", "≥ 95 %", _of((r for r in pairs if r.task.background != CLEAN), right)),
        ("root cause ranked first where it was found", "–", _of((r for r in pairs if named(r)), first)),
        ("stated faults of a recording alone or against its voice", "–", _of(alone, right)),
        ("stalls, skips, repeats and lost ends: found", "≥ 99 %", _share(sum(f for _, _, f, _ in breaks), len(breaks))),
        ("their size to 1 ms up to 200 ms, to 5 ms beyond", "≥ 99 %",
         _share(sum(e for *_, e in breaks), sum(f for _, _, f, _ in breaks))),
        ("faults, breaks and other words called good", "0", _count(sum(map(wrong_good, could)), len(could))),
    ]  # fmt: skip
    for group, goal in ((Group.HEALTHY_PAIR, "≤ 5"), (Group.HEALTHY_ALONE, "≤ 20")):
        mine = [record for record in records if record.task.group is group]
        errors, warned = (sum(map(test, mine)) for test in (_is_error, _is_warned))
        rows.append((f"{group}: errors of 1,000", "0", _per_thousand(errors, len(mine))))
        rows.append((f"{group}: warnings of 1,000", goal, _per_thousand(warned, len(mine))))
    mine = [record for record in records if record.task.group is Group.HEALTHY_PAIR]
    hours = sum(record.seconds for record in mine) / 3600
    events = sum(len(record.events) for record in mine)
    rows.append(("false events in time on healthy speech", "0", f"{events} in {hours:.2f} h"))
    for group, what in _UNSURE.items():
        mine = [record for record in records if record.task.group is group]
        unsure = sum(not record.good and not record.codes for record in mine)
        rows.append((what, "–", _share(unsure, len(mine))))
    lines = [f"| {what} | {goal} | {found} |" for what, goal, found in rows]
    return "\n".join(["| | goal | found |", "|---|---|---|", *lines]) + "\n"


_UNSURE = {
    Group.HEALTHY_PAIR: "healthy copies that could not be shown to be faithful",
    Group.HEALTHY_ALONE: "healthy recordings alone where not everything could be checked",
}


def _is_error(record: Record) -> bool:
    return bool(record.errors)


def _is_warned(record: Record) -> bool:
    return bool(record.codes) and not record.errors


def _per_thousand(hits: int, count: int) -> str:
    return f"{1000 * hits / count:.1f} ({hits} of {count})" if count else "–"


def _faults(records: Sequence[Record], group: Group) -> str:
    """Return the table of one group: from which strength each fault is found, and how right its verdict is."""
    lines = [f"## {_TITLES[group]}\n"]
    if group is Group.PAIR:
        lines.append(
            "Strengths run from weak to gross. `50 %` and `95 %`: from this strength on at least so many trials have "
            "the fault among the root findings, clean / over noise at 30 and 20 dB and Opus at 24 kbit/s. The other "
            "columns count trials from the stated strength on: `first` is the share in which the fault is the first "
            "finding, `size` the share of those with a right size, `good` what was called a faithful copy.\n"
        )
    lines.append("| fault | code | strengths | stated from | 50 % | 95 % | trials | first | size | good |")
    lines.append("|---|---|---|---|---|---|---:|---:|---:|---:|")
    for name, fault in FAULTS_OF[group].items():
        mine = [record for record in records if record.task.group is group and record.task.name == name]
        if not mine:
            continue
        above = [record for record in mine if stated(record)]
        hits = [record for record in above if first(record)]
        share = _percent(len(hits), len(above))
        sized = [record for record in hits if fault.size is not None and record.size is not None]
        shown = sum(map(right, sized))
        strengths = " ".join(map(_number, fault.strengths))
        lines.append(
            f"| {name} | {', '.join(fault.codes)} | {strengths} {fault.unit} | {_number(fault.stated)} "
            f"| {_from(mine, fault, 0.5)} | {_from(mine, fault, 0.95)} | {len(above)} | {share} "
            f"| {_percent(shown, len(sized))} | {sum(record.good for record in above)} |"
        )
    return "\n".join(lines) + "\n"


def _number(strength: float) -> str:
    return f"{strength:.0f}" if abs(strength) >= 100 else f"{strength:.3g}"


def _percent(hits: int, count: int) -> str:
    return f"{100 * hits / count:.0f} %" if count else "–"


def _from(records: Sequence[Record], fault: Fault, share: float) -> str:
    """Return the weakest strength from which on at least a share is found at every strength; clean / backgrounds."""
    cells = []
    for clean in (True, False):
        mine = [record for record in records if (record.task.background == CLEAN) is clean]
        if not mine:
            continue
        reached: float | None = None
        for strength in reversed(fault.strengths):
            here = [named(record) for record in mine if record.task.strength == strength]
            if here and sum(here) < share * len(here):
                break
            reached = strength if here else reached
        cells.append("never" if reached is None else _number(reached))
    return " / ".join(cells)


def _confusion(records: Sequence[Record]) -> str:
    """Return what was reported first for each planted fault, where it was not the fault itself."""
    counts: dict[tuple[Group, str], Counter[str]] = defaultdict(Counter)
    for record in records:
        if stated(record):
            codes = of_fault(record)
            code = codes[0] if codes else ("called good" if record.good else "not shown")
            counts[record.task.group, record.task.name]["right" if first(record) else code] += 1
    if not counts:
        return ""
    lines = ["## What was reported first instead\n", "| planted | trials | right | instead |", "|---|---:|---:|---|"]
    for (group, name), found in counts.items():
        others = [(code, count) for code, count in found.most_common() if code != "right"]
        if others:
            told = ", ".join(f"{code} {count}" for code, count in others[:_TOLD_CONFUSIONS])
            lines.append(f"| {name} ({group}) | {found.total()} | {found['right']} | {told} |")
    return "\n".join(lines) + "\n"


def _breaks(records: Sequence[Record]) -> str:
    mine = [record for record in records if record.task.group is Group.BREAKS]
    if not mine:
        return ""
    lines = [
        "## Breaks of 3 ms to 5 s, up to 20 in one recording\n",
        "| background | breaks | found | size right | false events |", "|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    for background in BACKGROUNDS:
        here = [record for record in mine if record.task.background == background]
        found = [item for record in here for item in record.found]
        hits = sum(item[2] for item in found)
        lines.append(
            f"| {background} | {len(found)} | {_share(hits, len(found))} | {_share(sum(i[3] for i in found), hits)} "
            f"| {sum(len(record.events) for record in here)} in {sum(r.seconds for r in here) / 60:.0f} min |"
        )
    missed: Counter[str] = Counter()
    for record in mine:
        missed.update(f"{kind} ({record.task.background})" for kind, _, hit, _ in record.found if not hit)
    if missed:
        lines.append("\nMissed: " + ", ".join(f"{what} {count}" for what, count in missed.most_common(8)) + ".")
    return "\n".join(lines) + "\n"


def _healthy(records: Sequence[Record]) -> str:
    """Return the processes after which a healthy recording was warned of, and by which findings."""
    lines = []
    for group in _HEALTHY:
        mine = [record for record in records if record.task.group is group]
        codes = Counter(code for record in mine for code in record.codes)
        for code, count in codes.most_common():
            where = Counter(record.task.name for record in mine if code in record.codes)
            told = ", ".join(f"{name} {number}" for name, number in where.most_common(5))
            lines.append(f"| {group} | {code} | {_per_thousand(count, len(mine))} | {told} |")
    if not lines:
        return ""
    return "\n".join(["## False alarms on healthy recordings\n", "| | code | of 1,000 | after |", "|---|---|---|---|",
                      *lines]) + "\n"  # fmt: skip
