"""Audio is sent at a pace that fits another sample rate than the declared one."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.judge.evidence import changed_sound, rate_by_pace, why_not, worst
from diag.judge.registry import rule


@rule("SND022", name="send-rate-suspected", severity="error", hop=Hop.SENDER)
def send_rate_suspected(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The pace of the audio that is sent fits another sample rate than the declared one.

    What it shows
        What was said was not recorded, so the speed of `sent` cannot be compared. But the client sends audio faster or
        slower than real time by just the ratio of a common sample rate to the declared one, within 1.5 %.

    Why it matters
        The service trusts the label: it hears 48 kHz audio labelled 16 kHz three times as long and 19
        semitones deeper. It recognises little, gives a wrong answer or none, and reports no error.

    Evidence
        `realtime_ratio`: seconds of audio sent per second, at the declared rate; the MIME types of the batches.

    Likely causes
        - The microphone was opened at another rate than the label says, and nothing resamples in between.

    Fix
        Resample the captured audio to the declared rate, or declare its actual rate.

    Does not prove
        That the rate is wrong: a file that is sent at just that pace looks the same. Record the prompt as well
        (`diag run --app`) to be sure.
    """
    if measurements.find("rate_ratio", hop=Hop.SENDER):
        return not_checked(msg("what was said was recorded, so that SND001 checks the rate"))
    items = measurements.find("realtime_ratio")
    found = worst(items, lambda value: abs(value - 1))
    declared_hz = observed.sent_rate_hz
    if found is None or declared_hz is None:
        return not_checked(why_not(items, "realtime_ratio") if found is None else msg("no sample rate was declared"))
    ratio, item = found
    content_hz = rate_by_pace(ratio, declared_hz)
    if content_hz is None:
        return clear()
    return raised(
        msg(
            "{content_hz} Hz audio seems to be sent labelled {declared_hz} Hz: the service hears it {sound}",
            content_hz=content_hz,
            declared_hz=declared_hz,
            sound=changed_sound(declared_hz / content_hz),
        ),
        evidence=[
            Evidence(
                text=msg(
                    "{ratio:.3f} s of audio at {declared_hz} Hz were sent per second; {content_hz} Hz audio "
                    "gives {pace:.3f}",
                    ratio=ratio,
                    declared_hz=declared_hz,
                    content_hz=content_hz,
                    pace=content_hz / declared_hz,
                ),
                metric="realtime_ratio",
                turn=item.turn,
                spots=item.spots,
            ),
            Evidence(
                text=msg("MIME types of the batches: {types}", types=", ".join(observed.sent_mime_types or ("none",)))
            ),
        ],
        likely_cause=msg(
            "the microphone runs at {content_hz} Hz and nothing resamples to {declared_hz} Hz",
            content_hz=content_hz,
            declared_hz=declared_hz,
        ),
        fix=msg(
            "resample from {content_hz} to {declared_hz} Hz before sending, or declare audio/pcm;rate={content_hz}",
            content_hz=content_hz,
            declared_hz=declared_hz,
        ),
        confidence=0.8,
    )
