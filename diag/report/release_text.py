"""Texts of a release bench and a self-check: verdict, reasons, and the lines of the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from diag.core.release import Decision, Earlier, Product, Reason, Release, SelfCheck, Weight
from diag.core.results import VerdictLine
from diag.core.states import State
from diag.report.language import ntr, tr
from diag.report.localised import in_words
from diag.report.wrapping import wrapped

STATES = {
    Decision.SHIP: State.GOOD,
    Decision.DO_NOT_SHIP: State.FAILS,
    Decision.TOO_LITTLE_EVIDENCE: State.UNKNOWN,
}
WEIGHTS = {
    Weight.BLOCKS: State.FAILS,
    Weight.UNDECIDED: State.UNKNOWN,
    Weight.WARNS: State.WATCH,
    Weight.NOTE: State.GOOD,
}
STAND_IN = (
    "The product under test is diag's own client, a stand-in for yours. To test your own: `diag init` in your "
    "repository, or `diag bench my_app.toml`."
)
WORDS = {Weight.BLOCKS: "blocks", Weight.UNDECIDED: "undecided", Weight.WARNS: "warning", Weight.NOTE: ""}
_DECIDING = {
    Decision.DO_NOT_SHIP: Weight.BLOCKS,
    Decision.TOO_LITTLE_EVIDENCE: Weight.UNDECIDED,
}


def release_verdict(release: Release) -> VerdictLine:
    """Return the verdict of a release bench: the decision, and the first reason for it."""
    decision = release.decision
    deciding = [
        (product, reason)
        for product in release.products
        for reason in product.reasons
        if reason.weight is _DECIDING.get(decision)
    ]
    if decision is Decision.SHIP:
        return VerdictLine(STATES[decision], tr(decision.words), _why_to_ship(release))
    if not deciding:
        text = in_words(release.self_check.sentence) if release.self_check else tr("nothing was measured")
        sentence = tr("diag's own check failed, so its findings cannot be relied on: {text}.").format(text=text)
        return VerdictLine(STATES[decision], tr(decision.words), sentence, tr("Install diag again, or report this."))
    product, first = deciding[0]
    place = f"{product.name}: " if len(release.products) > 1 else ""
    more = len(deciding) - 1
    tail = ntr(" {n} more reason below.", " {n} more reasons below.", more).format(n=more) if more else ""
    fix = first.fix and f"{first.fix[:1].upper()}{first.fix[1:].rstrip('.')}."
    return VerdictLine(STATES[decision], tr(decision.words), f"{place}{first.text}{tail}", fix)


def _why_to_ship(release: Release) -> str:
    takes = sum(item.takes for item in release.products)
    warned = sum(reason.weight is Weight.WARNS for item in release.products for reason in item.reasons)
    fault = "no fault that blocks a release" if warned else "no fault"
    text = ntr(
        "In {n} take, {fault} was found and every hop was shown to be right",
        "In {n} takes, {fault} was found and every hop was shown to be right",
        takes,
    ).format(n=takes, fault=tr(fault))
    held = [item.earlier for item in release.products if item.earlier is not None]
    if len(held) == len(release.products):
        text += tr("; nothing is worse than {earlier}").format(earlier=_named(held))
    else:
        text += tr("; it was not held against an earlier release, because there is no baseline")
    more = ntr(" {n} warning below.", " {n} warnings below.", warned).format(n=warned) if warned else ""
    return f"{text}.{more}"


def _named(held: Sequence[Earlier]) -> str:
    names = list(dict.fromkeys(item.what for item in held))
    return tr(names[0]) if len(names) == 1 else tr("the earlier releases")


def release_values(release: Release | None) -> dict[str, object]:
    """Return what the template of a release needs besides the release itself; {} without one."""
    if release is None:
        return {}
    passed = release.self_check is not None and release.self_check.passed
    return {
        "stand_in": tr(STAND_IN),
        "self_check_sentence": in_words(release.self_check.sentence) if release.self_check else "",
        "states": STATES,
        "weights": WEIGHTS,
        "words": {weight: tr(word) for weight, word in WORDS.items()},
        "self_check_state": State.GOOD if passed else State.FAILS,
        "good": State.GOOD,
        "fails": State.FAILS,
    }


def release_lines(release: Release, width: int) -> list[str]:
    """Return the lines of a release bench: products with their reasons, then the self-check."""
    lines = ["", *wrapped(f"  {tr(STAND_IN)}", width)] if release.stand_in else []
    for product in release.products:
        lines += product_lines(product, width)
    if release.self_check is not None:
        lines += ["", *self_check_lines(release.self_check, width)]
    stages = ", ".join(f"{tr(name)} {seconds:.0f} s" for name, seconds in (release.stages_s or {}).items())
    return [*lines, "", tr("  took {seconds:.0f} s ({stages})").format(seconds=release.seconds, stages=stages)]


def product_lines(product: Product, width: int) -> list[str]:
    """Return the lines of one product: its decision, then each reason with its fix."""
    title = f": {product.title}" if product.title else ""
    state = STATES[product.decision]
    takes = tr("{takes} of {asked} takes").format(takes=product.takes, asked=product.asked)
    lines = [
        "",
        *wrapped(f"{state.shape} {tr(product.decision.words)}  {product.name}{title} ({takes})", width, later="  "),
    ]
    for reason in product.reasons:
        lines += reason_lines(reason, width)
    return lines


def reason_lines(reason: Reason, width: int) -> list[str]:
    """Return the lines of one reason."""
    mark = "·" if reason.weight is Weight.NOTE else WEIGHTS[reason.weight].shape
    lines = wrapped(f"  {mark} {reason.text}", width, later="    ")
    return [*lines, *(wrapped(f"    {tr('fix')}  {reason.fix}", width, later="         ") if reason.fix else [])]


def self_check_lines(checked: SelfCheck, width: int) -> list[str]:
    """Return the line of a self-check, and one line per wrong answer."""
    state = State.GOOD if checked.passed else State.FAILS
    head = tr("self-check of diag: {sentence} ({seconds:.0f} s)")
    head = head.format(sentence=in_words(checked.sentence), seconds=checked.seconds)
    lines = wrapped(f"{state.shape} {head}", width, later="  ")
    for item in checked.answers:
        if not item.passed:
            expected, found = (", ".join(codes) or tr("nothing") for codes in (item.expected, item.found))
            wrong = tr("{name}: expected {expected}, found {found}")
            lines += wrapped(f"    {wrong.format(name=item.name, expected=expected, found=found)}", width)
    return lines


def self_check_text(checked: SelfCheck, *, width: int) -> str:
    """Return the terminal text of `diag verify --self`: the result, then every fault with what was found."""
    lines = self_check_lines(checked, width)
    for item in checked.answers:
        if item.passed:
            found = ", ".join(item.found) or tr("nothing found")
            lines += wrapped(f"  {State.GOOD.shape} {item.name:<20} {found:<8} {item.title}", width)
    return "\n".join(lines)
