"""Shared by the rules on web pages: the facts about the page, and what their consequences measure."""

from __future__ import annotations

from collections.abc import Iterator

from diag.core.chain import Hop
from diag.core.observed_client import ObservedClient
from diag.core.page_facts import PageFacts
from diag.core.results import Evidence, Measurements, Verdict, not_checked
from diag.dsp.band import IMAGING_LIMIT
from diag.judge.evidence import LostTreble, WrongRate, evidence_of, lost_treble, numbers, wrong_rate
from diag.judge.limits import CLICKS_HZ

NO_PAGE = "the client is not a web page"


def page_of(observed: ObservedClient) -> PageFacts | Verdict:
    """Return the facts about the page, or the verdict for a client that is none."""
    return observed.page if observed.page is not None else not_checked(NO_PAGE)


def images_and_treble(measurements: Measurements) -> Iterator[Evidence]:
    """Yield what a poor change of the sample rate costs the reply, as far as it was measured."""
    for value, item in numbers(measurements.find("imaging", hop=Hop.PLAYER)):
        if value > IMAGING_LIMIT:
            yield evidence_of(item, f"mirror images of the voice were measured (correlation {value:.2f})")
            break
    lost = lost_treble(measurements, Hop.PLAYER)
    if isinstance(lost, LostTreble):
        yield evidence_of(lost.item, f"treble was lost: {lost.words}")
    for value, item in numbers(measurements.find("click_rate_hz", hop=Hop.PLAYER)):
        if value > CLICKS_HZ:
            yield evidence_of(item, f"{value:.1f} clicks per second were measured")
            break


def speed(measurements: Measurements, hop: Hop) -> WrongRate | None:
    """Return the wrong speed of a hop; None if it is right or was not measured."""
    found = wrong_rate(measurements, hop)
    return found if isinstance(found, WrongRate) and found.error else None
