"""ENV005: two audio devices do not run at the same speed."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Measurement, Measurements, Status, Verdict, not_checked, raised
from diag.dsp.slope import SURE
from diag.judge.evidence import DEVICE_HOPS, clear_if_measured, evidence_of, numbers
from diag.judge.registry import rule
from diag.measure.metrics.speed import CLOCKS_PPM


@rule("ENV005", name="clock-drift", severity="warning", explained_by=("MIC005", "SPK003", "MIC019", "SPK018"))
def clock_drift(measurements: Measurements) -> Verdict:
    """Two audio devices do not run at the same speed.

    What it shows
        The clocks at both ends of the microphone or speaker hop differ by more than 300 parts per million (ppm).

    Why it matters
        A buffer between the two devices fills or empties by more than a second per hour. Long sessions have dropouts or
        a growing delay.

    Evidence
        `drift_ppm` of the hop.

    Likely causes
        - The devices have separate clocks and one of them is inaccurate, as in many wireless devices.
        - A driver that resamples by a rounded ratio.

    Fix
        Use one device for both directions, or resample adaptively between them.

    Does not prove
        Which of the two clocks is wrong.
    """
    items = [item for hop in DEVICE_HOPS for item in measurements.find("drift_ppm", hop=hop)]
    sure = [pair for pair in numbers(items) if pair[1].confidence is None or pair[1].confidence >= SURE]
    found = max(sure, key=lambda pair: abs(pair[0]), default=None)
    if found is None or abs(found[0]) <= CLOCKS_PPM:
        measured = clear_if_measured(items, "drift_ppm")
        unsure = measured.status is Status.CLEAR and len(sure) < len(items)
        return (
            not_checked(msg("{metric}: {reason}", metric="drift_ppm", reason=msg("the match is too uncertain")))
            if unsure
            else measured
        )
    drift_ppm, item = found
    return raised(
        msg(
            "The clocks on the {hop} hop differ by {drift_ppm:.0f} parts per million",
            hop=_hop(item),
            drift_ppm=abs(drift_ppm),
        ),
        evidence=[
            evidence_of(
                item,
                msg(
                    "{drift_ppm:+.0f} ppm: {hourly_s:.1f} s in an hour",
                    drift_ppm=drift_ppm,
                    hourly_s=abs(drift_ppm) * 0.0036,
                ),
            )
        ],
        likely_cause=msg("two devices with clocks of their own, or a driver that resamples by a rounded ratio"),
        fix=msg("use one device for both directions, or resample adaptively between them"),
    )


def _hop(item: Measurement) -> str:
    return item.hop.value if item.hop else "audio"
