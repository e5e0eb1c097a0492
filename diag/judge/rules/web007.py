"""WEB007: the browser's voice processing, and what it costs as far as it was measured."""

from __future__ import annotations

from functools import reduce

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.core.units import format_seconds
from diag.dsp.level_change import LEVEL_CHANGE_WARN_DB
from diag.judge.evidence import LostTreble, events_in_words, evidence_of, lost_treble, numbers, worst
from diag.judge.limits import BORDER_LOST_S, SILENCE_INSERTED_S
from diag.judge.page_evidence import page_of
from diag.judge.registry import rule

SETTINGS = {
    "echoCancellation": "echo cancellation",
    "noiseSuppression": "noise suppression",
    "autoGainControl": "gain control",
}
SETTLES_S = 3.0
"""Chromium's echo canceller suppresses the voice until it has settled. Seen with Chromium 150 on speech that begins
half a second after the microphone: holes up to 1.4 s, none later."""
_HOLES = {"inserted_silence_s": SILENCE_INSERTED_S, "skipped_s": SILENCE_INSERTED_S, "head_lost_s": BORDER_LOST_S}

_FIX = msg(
    "with headphones, ask for `audio: {{ echoCancellation: false, noiseSuppression: false, autoGainControl: false }}`"
)


@rule("WEB007", name="voice-processing", severity="warning", or_severity="error", hop=Hop.SENDER)
def voice_processing(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The browser processes the voice before the page gets it.

    What it shows
        The microphone was granted with echo cancellation, noise suppression or gain control. Browsers switch all three
        on if the page does not say otherwise. It is information only, but a warning where treble was measured to be
        lost or gain control is on and the level was measured to change, and an error where echo cancellation is on and
        parts of the first 3 seconds are missing.

    Why it matters
        The processing is made for calls between people. It takes treble away and changes the level. Until the echo
        canceller has settled, it suppresses the first words. Echo cancellation is needed where the microphone hears the
        loudspeaker.

    Evidence
        The settings that were granted, the treble that was lost, and the holes in the voice.

    Likely causes
        - The page asks for `audio: true`, which switches all three on.

    Fix
        With headphones, ask for `audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }`.
        With a loudspeaker, keep echo cancellation, and open the microphone some seconds before the user speaks.

    Does not prove
        That the processing made the holes. Measure again without it: if they stay, the page itself loses sound.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    granted = next((item.granted for item in page.microphones if item.granted), None)
    if granted is None:
        return not_checked(msg("no microphone was granted"))
    active = [words for name, words in SETTINGS.items() if granted.get(name) not in (None, False, "")]
    if not active:
        return clear()
    what = msg("The browser processes the voice: {names}", names=", ".join(active))
    seen = [Evidence(text=msg("granted with {names}", names=", ".join(active)))]
    costs: list[str] = []
    lost = lost_treble(measurements, Hop.SENDER)
    if isinstance(lost, LostTreble):
        costs.append(msg("treble is lost before sending"))
        seen.append(evidence_of(lost.item, msg("treble was lost before sending: {words}", words=lost.words)))
    change = worst(measurements.find("level_change_db", hop=Hop.SENDER), abs)
    if change is not None and SETTINGS["autoGainControl"] in active and abs(change[0]) >= LEVEL_CHANGE_WARN_DB:
        costs.append(msg("the level changes by {change:+.0f} dB", change=change[0]))
        seen.append(
            evidence_of(change[1], msg("the level before sending changed by {change:+.1f} dB", change=change[0]))
        )
    holes = _holes(measurements) if SETTINGS["echoCancellation"] in active else []
    if holes:
        costs.append(msg("the first words have holes"))
        seen.extend(holes)
    return raised(
        reduce(lambda title, cost: msg("{title}, and {cost}", title=title, cost=cost), costs, what),
        evidence=seen,
        likely_cause=msg("the echo canceller suppresses the voice until it has settled")
        if holes
        else msg("the page asks for `audio: true`, or does not switch them off"),
        fix=msg("{fix}; with a loudspeaker, open the microphone some seconds before the user speaks", fix=_FIX)
        if holes
        else _FIX,
        severity=Severity.ERROR if holes else Severity.WARNING if costs else Severity.INFO,
    )


def _holes(measurements: Measurements) -> list[Evidence]:
    """Return what is missing of the voice, if nothing of it is later than an echo canceller needs to settle."""
    found = [
        item
        for metric, limit_s in _HOLES.items()
        for value_s, item in numbers(measurements.find(metric, hop=Hop.SENDER))
        if value_s >= limit_s
    ]
    if any(event.estimated_s > SETTLES_S for item in found for event in item.events):
        return []
    return [
        evidence_of(
            item,
            msg(
                "{value} of the voice is missing: {events}",
                value=format_seconds(float(item.value)),
                events=events_in_words(item.events),
            ),
        )
        for item in found
        if isinstance(item.value, float) and item.events
    ]
