"""Shared by the rules on web pages: the facts about the page, and what their consequences measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.page_facts import PageFacts
from diag.core.results import Evidence, Measurement, Measurements, Verdict, does_not_apply
from diag.dsp.band import IMAGING_LIMIT
from diag.dsp.dullness import BANDS_HZ
from diag.judge.evidence import WrongRate, evidence_of, numbers, wrong_rate
from diag.judge.limits import CLICKS_HZ

NO_PAGE = msg("the client is not a web page")
NOTICED_DB = 1.0
"""Smaller losses in one band are not listed as evidence."""


def page_of(observed: ObservedClient) -> PageFacts | Verdict:
    """Return the facts about the page, or the verdict for a client that is none."""
    return observed.page if observed.page is not None else does_not_apply(NO_PAGE)


def images_and_treble(measurements: Measurements) -> Iterator[Evidence]:
    """Yield what a poor change of the sample rate costs the reply, as far as it was measured."""
    for value, item in numbers(measurements.find("imaging", hop=Hop.PLAYER)):
        if value > IMAGING_LIMIT:
            yield evidence_of(
                item, msg("mirror images of the voice were measured (correlation {value:.2f})", value=value)
            )
            break
    band = worst_band(measurements)
    if band is not None and band.loss_db >= NOTICED_DB:
        first_hz, last_hz = band.edges_hz
        yield evidence_of(
            band.item,
            msg(
                "{loss_db:.1f} dB were lost from {first_khz:g} to {last_khz:g} kHz",
                loss_db=band.loss_db,
                first_khz=first_hz / 1000,
                last_khz=last_hz / 1000,
            ),
        )
    for value, item in numbers(measurements.find("click_rate_hz", hop=Hop.PLAYER)):
        if value > CLICKS_HZ:
            yield evidence_of(item, msg("{value:.1f} clicks per second were measured", value=value))
            break


@dataclass(frozen=True)
class LostBand:
    """The band of the reply that lost most: how much, from where to where, and the measurement."""

    loss_db: float
    edges_hz: tuple[float, float]
    item: Measurement


def worst_band(measurements: Measurements) -> LostBand | None:
    """Return the band in which the reply lost most on its way through the page; None if it was not measured."""
    found = [
        LostBand(loss_db, edges_hz, item)
        for item in measurements.find("dullness_bands_db", hop=Hop.PLAYER)
        if isinstance(item.value, tuple)
        for loss_db, edges_hz in zip(item.value, BANDS_HZ, strict=True)
        if loss_db is not None
    ]
    return max(found, key=lambda band: band.loss_db, default=None)


def speed(measurements: Measurements, hop: Hop) -> WrongRate | None:
    """Return the wrong speed of a hop; None if it is right or was not measured."""
    found = wrong_rate(measurements, hop)
    return found if isinstance(found, WrongRate) and found.error else None
