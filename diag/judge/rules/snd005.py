"""SND005."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.judge.evidence import WrongRate, why_not, worst, wrong_rate
from diag.judge.registry import rule

LIMIT = 0.05


@rule(
    "SND005",
    name="send-pacing",
    severity="warning",
    hop=Hop.SENDER,
    explained_by=("SND003", "SND020", "MIC005", "MIC016"),
)
def send_pacing(measurements: Measurements) -> Verdict:
    """The client sends faster or slower than it speaks.

    What it shows
        Over a turn, the audio sent per second of clock is off by more than 5 %.

    Why it matters
        Sent too slowly, the speech reaches the service later and later; too fast, the service sees a turn end before it
        has ended, and a long turn overruns its buffers.

    Evidence
        `realtime_ratio`: the slope of audio sent over the time of sending.

    Likely causes
        - A timer that counts its own work on top (send, then sleep 50 ms), or sends one batch a tick whatever has come.
        - A file that is sent as fast as the line takes it.

    Fix
        Send what the microphone delivers when it delivers it; pace a file by the clock, not by sleeping.

    Does not prove
        Where time is lost. Where the rate is declared wrongly the figure is wrong too, and this is not checked.
    """
    speed = wrong_rate(measurements, Hop.SENDER)
    if isinstance(speed, WrongRate):
        return not_checked("the declared rate is wrong; see SND001")
    if isinstance(speed, str):
        return not_checked(f"whether the declared rate is right was not measured ({speed})")
    items = measurements.find("realtime_ratio")
    found = worst(items, lambda value: abs(value - 1))
    if found is None:
        return not_checked(why_not(items, "realtime_ratio"))
    ratio, item = found
    if abs(ratio - 1) <= LIMIT:
        return clear()
    text = f"{ratio:.2f} s of audio were sent per second of clock; 1 is right"
    return raised(
        f"The client sends {abs(ratio - 1):.0%} {'faster' if ratio > 1 else 'slower'} than it speaks",
        evidence=[Evidence(text=text, metric="realtime_ratio", turn=item.turn, spots=item.spots)],
        likely_cause="batches are paced by a timer, not by the microphone"
        if ratio < 1
        else "audio is sent as fast as the line takes it",
        fix="send each batch as soon as the microphone has filled it, and pace files by the clock",
    )
