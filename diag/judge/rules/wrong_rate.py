"""Wrong speed: a segment whose output plays slower or faster than its input."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Severity, Verdict, raised
from diag.dsp.slope import SURE
from diag.judge.evidence import (
    WrongRate,
    changed_sound,
    clear_if_measured,
    evidence_of,
    numbers,
    raised_at,
    received_rate_hz,
    snapped_hz,
    wrong_rate,
)
from diag.judge.limits import LOST_ALL_ALONG_PPM
from diag.judge.registry import OnHop, Place, segment_rule
from diag.measure.metrics.speed import CLOCKS_PPM

_DOUBLED, _DOUBLED_WITHIN = 2.0, 0.02
"""Speed of one channel that is handed to a stream of two, and how far the measured speed may be from it."""


@segment_rule(
    OnHop(
        "MIC005",
        "microphone-rate",
        Hop.MICROPHONE,
        causes=(
            "the device runs at its own rate whatever rate it was opened at, and nothing resamples",
            "48 kHz audio is treated as 44.1 kHz: 8 % too slow and deep, or the reverse",
        ),
        fix="open the microphone at its own sample rate and resample in software, or choose another microphone",
        why="The service receives a voice that is too deep or too high, and recognises less.",
    ),
    OnHop(
        "SND001",
        "send-rate-mismatch",
        Hop.SENDER,
        explained_by=("SND003", "WEB002"),
        causes=(
            "the microphone was opened at another rate than the label says, and nothing resamples in between",
            "a resampler is given the wrong input or output rate",
        ),
        fix="resample the captured audio to the declared rate, or declare its actual rate",
        why="The service trusts the label: it hears 48 kHz audio labelled 16 kHz three times as long and 19 "
        "semitones deeper. It recognises little, gives a wrong answer or none, and reports no error.",
    ),
    OnHop(
        "PLY001",
        "playback-rate-mismatch",
        Hop.PLAYER,
        explained_by=("WEB001",),
        causes=(
            "the output stream is opened at the input's 16 kHz (or at the device's rate) and is given 24 kHz audio",
            "the rate in the MIME type is ignored, or a resampler is given the wrong rate",
        ),
        fix="open the output stream at the rate of the received audio, or resample from that rate to the stream's",
        why="24 kHz audio played as 16 kHz is 1.5 times as long and 7 semitones deeper: the voice is slow and "
        "dull, and the model is blamed. Played as 48 kHz it is twice as fast and 12 semitones higher.",
    ),
    OnHop(
        "SPK003",
        "speaker-rate",
        Hop.SPEAKER,
        causes=(
            "the output stays at the rate of another stream, or the sound server was given the wrong rate",
            "a playback clock of 48 kHz is used for 44.1 kHz audio: 9 % too fast and high, or the reverse",
        ),
        fix="open the output at the rate it reports, resample the reply to it, and close other programs that use it",
        why="The voice is too slow or too fast although the client handed over the right samples.",
    ),
    severity="error",
    or_severity="warning",
)
def wrong_speed(place: Place, measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The {who} changes the speed of the sound.

    What it shows
        At the declared sample rates, {output} is slower and deeper, or faster and higher, than {input}.

    Why it matters
        The voice is too slow and deep, or too fast and high.

    Evidence
        `rate_ratio` and `time_ratio` of the segment; the sample rates that were declared and opened.

    Does not prove
        Which line of code or which setting is wrong. Differences below 1 % are only a warning, because the clocks of
        two devices may drift apart. On the sender and the player, 0.03 to 0.5 % is a warning too: two clocks differ by
        at most 0.02 %, and from 0.1 % on, samples are lost or added all along. Time stretching without a change of
        pitch is a finding of its own.
    """
    found = wrong_rate(measurements, place.hop)
    if not isinstance(found, WrongRate):
        drifting = _drifting(place, measurements) if place.hop in (Hop.SENDER, Hop.PLAYER) else None
        return drifting or clear_if_measured(measurements.find("rate_ratio", hop=place.hop), "rate_ratio")
    severity = Severity.ERROR if found.error else Severity.WARNING
    words = {Hop.SENDER: _sent, Hop.PLAYER: _played}.get(place.hop)
    if words is None:
        return raised_at(
            place,
            msg(
                "The {who} changes the speed: what it delivers is {sound}",
                who=place.who,
                sound=changed_sound(found.ratio),
            ),
            evidence=[found.evidence(place)],
            severity=severity,
        )
    title, seen, cause, fix = words(place, found, observed)
    return raised(title, evidence=[found.evidence(place), *seen], likely_cause=cause, fix=fix, severity=severity)


def _drifting(place: Place, measurements: Measurements) -> Verdict | None:
    """Return the finding on a speed that is off by less than 0.5 %, but by more than two clocks differ."""
    items = numbers(measurements.find("drift_ppm", hop=place.hop))
    sure = [pair for pair in items if pair[1].confidence is None or pair[1].confidence >= SURE]
    drift_ppm, item = max(sure, key=lambda pair: abs(pair[0]), default=(0.0, None))
    if item is None or abs(drift_ppm) <= CLOCKS_PPM:
        return None
    values = {"who": place.who, "percent": f"{abs(drift_ppm) / 1e4:.2f} %"}
    if abs(drift_ppm) > LOST_ALL_ALONG_PPM:
        faster = msg("The {who} loses samples all along: the sound runs {percent} too fast", **values)
        slower = msg("The {who} adds samples all along: the sound runs {percent} too slow", **values)
        cause = msg("a sample of each chunk is dropped or repeated, as by a resampler that is restarted each time")
        fix = msg("keep the state of the resampler from chunk to chunk, and join chunks without dropping samples")
    else:
        faster = msg("The {who} runs {percent} too fast", **values)
        slower = msg("The {who} runs {percent} too slow", **values)
        cause = msg("a resampler with a rounded ratio, or two devices with clocks of their own, one of them inaccurate")
        fix = msg("resample by the exact ratio of the two rates, and adaptively between two devices")
    return raised_at(
        place,
        faster if drift_ppm > 0 else slower,
        evidence=[evidence_of(item, msg("{drift_ppm:.1f} ms in each second, evenly", drift_ppm=abs(drift_ppm) * 1e-3))],
        cause=cause,
        fix=fix,
        severity=Severity.WARNING,
    )


def _sent(place: Place, found: WrongRate, observed: ObservedClient) -> tuple[str, list[Evidence], str, str]:
    declared_hz = observed.sent_rate_hz or place.output_rate_hz or 0
    content_hz = snapped_hz(declared_hz / found.ratio)
    types = observed.sent_mime_types
    label = (
        msg("the batches were labelled {types}", types=", ".join(types))
        if types
        else msg("{output} is read as {declared_hz} Hz", output=place.output, declared_hz=declared_hz)
    )
    if observed.resamples_capture is False and observed.capture_rate_hz:
        cause: str = msg("captured at {rate_hz} Hz and sent without resampling", rate_hz=observed.capture_rate_hz)
    else:
        cause = place.on.causes[1 if observed.resamples_capture else 0]
    rates = {"content_hz": content_hz, "declared_hz": declared_hz}
    own = observed.resamples_capture is not None  # diag's own client: the fix can name its settings
    return (
        msg(
            "{content_hz} Hz audio was sent labelled as {declared_hz} Hz: the service hears it {sound}",
            sound=changed_sound(found.ratio), **rates,
        ),
        [Evidence(text=label)],
        cause,
        msg(
            "resample from {content_hz} to {declared_hz} Hz before sending (`resample = true` and `sample_rate_hz = "
            "{declared_hz}` in [send]), or declare audio/pcm;rate={content_hz}", **rates,
        )
        if own
        else msg(
            "resample from {content_hz} to {declared_hz} Hz before sending, or declare audio/pcm;rate={content_hz}",
            **rates,
        ),
    )  # fmt: skip


def _played(place: Place, found: WrongRate, observed: ObservedClient) -> tuple[str, list[Evidence], str, str]:
    declared_hz = received_rate_hz(observed, place)
    stream_hz = observed.playback_rate_hz
    title = msg(
        "{declared_hz} Hz audio was played as {played_hz} Hz: {sound}",
        declared_hz=declared_hz,
        played_hz=snapped_hz(declared_hz * found.ratio),
        sound=changed_sound(found.ratio),
    )
    if stream_hz is None:
        fix = msg("open the output stream at {declared_hz} Hz, or resample to its rate", declared_hz=declared_hz)
        return title, [], *_or_channels(found, place.on.causes[0], fix)
    seen = [
        Evidence(
            text=msg(
                "received as {declared_hz} Hz, played by a stream of {stream_hz} Hz",
                declared_hz=declared_hz,
                stream_hz=stream_hz,
            )
        )
    ]
    if observed.resamples_reply:
        cause = msg("the player's resampler is given a wrong rate")
        fix = msg("set the input rate of the player's resampler to {declared_hz} Hz", declared_hz=declared_hz)
        return title, seen, *_or_channels(found, cause, fix)
    rates = {"stream_hz": stream_hz, "declared_hz": declared_hz}
    cause = msg("the output stream runs at {stream_hz} Hz and gets {declared_hz} Hz audio unchanged", **rates)
    fix = msg(
        "open the output stream at {declared_hz} Hz (`sample_rate_hz = {declared_hz}` in [playback]), or resample "
        "from {declared_hz} to {stream_hz} Hz (`resample = true` in [playback])",
        **rates,
    )
    return title, seen, cause, fix


def _or_channels(found: WrongRate, cause: str, fix: str) -> tuple[str, str]:
    """Return cause and fix with the other fault that doubles the speed, if it is doubled."""
    if abs(found.ratio - _DOUBLED) > _DOUBLED_WITHIN:
        return cause, fix
    return (
        msg("{cause}; or one channel is handed to a stream of two channels", cause=cause),
        msg("{fix}; open it with one channel, or write each sample twice", fix=fix),
    )
