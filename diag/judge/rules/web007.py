"""WEB007."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.judge.evidence import LostTreble, evidence_of, lost_treble
from diag.judge.page_evidence import page_of
from diag.judge.registry import rule

SETTINGS = {
    "echoCancellation": "echo cancellation",
    "noiseSuppression": "noise suppression",
    "autoGainControl": "gain control",
}


@rule("WEB007", name="voice-processing", severity="info", or_severity="warning", hop=Hop.SENDER)
def voice_processing(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The browser processes the voice before the page gets it.

    What it shows
        The microphone was granted with echo cancellation, noise suppression or gain control. Browsers switch all three
        on if the page does not say otherwise. It is information, and a warning where treble was measured to be lost.

    Why it matters
        The processing is made for calls between people. It takes treble away, changes the level, and may cut the
        beginning of a sentence. Echo cancellation is needed where the microphone hears the loudspeaker.

    Evidence
        The constraints that were asked, the settings that were granted, and the treble that was lost.

    Likely causes
        - The page asks for `audio: true`, which switches all three on.

    Fix
        With headphones, ask for `audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }`.

    Does not prove
        That the processing does harm: on clean speech it may change nothing.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    granted = next((item.granted for item in page.microphones if item.granted), None)
    if granted is None:
        return not_checked("no microphone was granted")
    active = [words for name, words in SETTINGS.items() if granted.get(name) not in (None, False, "")]
    if not active:
        return clear()
    lost = lost_treble(measurements, Hop.SENDER)
    costs = isinstance(lost, LostTreble)
    seen = [Evidence(text=f"granted with {', '.join(active)}")]
    if isinstance(lost, LostTreble):
        seen.append(evidence_of(lost.item, f"treble was lost before sending: {lost.words}"))
    return raised(
        f"The browser processes the voice: {', '.join(active)}"
        + (", and treble is lost before sending" if costs else ""),
        evidence=seen,
        likely_cause="the page asks for `audio: true`, or does not switch them off",
        fix="with headphones, ask for `audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: "
        "false }`",
        severity=Severity.WARNING if costs else Severity.INFO,
    )
