"""MIC006: the microphone picks up the reply, and the service hears it."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Measurement, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.core.timeline import EventName, Timeline
from diag.core.units import format_seconds
from diag.judge.evidence import clear_if_measured, evidence_of, numbers
from diag.judge.registry import rule

LIMIT_DB = -40.0
ECHO_SHARE, USER_SHARE = 0.5, 0.25
"""The echo interrupted the reply if at least this much of what the service had heard was echo, and less than this the
user: an echo that interrupts does so as soon as the reply begins, so a user who speaks later is the cause."""
_FIX = msg(
    "cancel the echo (the platform's echo canceller, in a browser `echoCancellation: true`), or use a headset, or send "
    "silence while a reply plays (half duplex; `half_duplex` in [send] for diag's own client); "
    "`startOfSpeechSensitivity: START_SENSITIVITY_LOW` helps only against a quiet echo"
)


@rule("MIC006", name="echo", severity="warning", or_severity="error", hop=Hop.MICROPHONE)
def echo(measurements: Measurements, timeline: Timeline) -> Verdict:
    """The microphone picks up the reply, and the service hears it.

    What it shows
        What is sent while the reply plays contains an echo of the reply, less than 40 dB below it. It is an error if
        the service interrupted its own reply, and more than half of what it had heard before was that echo.

    Why it matters
        The service takes the echo for the caller. It breaks its reply off, and then answers itself.

    Evidence
        `echo_db` in `captured` and `echo_sent_db` in `sent`, `echo_delay_s`, `echo_removed_db`,
        `interruption_echo_share`, `interruption_user_share`. If `sent` was not recorded, `captured` alone is judged.

    Likely causes
        - Loudspeaker and microphone are in one room, without echo cancellation.
        - The client captures the system's own output.

    Fix
        Use headphones or the platform's echo canceller, or send silence while the reply plays (half duplex). A lower
        start sensitivity of the service helps only against a quiet echo.

    Does not prove
        That the service was disturbed in this take, unless it is an error.
    """
    captured, sent = measurements.find("echo_db"), measurements.find("echo_sent_db")
    heard = sent if numbers(sent) else captured
    loud = [(value, item) for value, item in numbers(heard) if value > LIMIT_DB]
    found = max(((value, item) for value, item in loud if item.confidence == 1.0), default=None, key=itemgetter(0))
    if found is None:
        if loud and not _removed(captured, loud):
            # Without a distinct echo the value is the highest level that an undetected echo could have.
            return not_checked(msg("an echo could be hidden by other sound"))
        return clear() if loud else clear_if_measured(heard, heard[0].metric if heard else "echo_sent_db")
    level_db, item = found
    cut = _interrupted_turn(measurements)
    evidence = list(_evidence(measurements, level_db, item))
    if cut is None:
        return raised(
            msg(
                "The microphone picks up the reply: the service hears it {level_db:.0f} dB below what was played",
                level_db=-level_db,
            ),
            evidence=evidence,
            likely_cause=msg("loudspeaker and microphone are in one room, without echo cancellation"),
            fix=_FIX,
        )
    share, turn = cut
    after = _played_for_s(timeline, turn)
    evidence.insert(
        0,
        Evidence(
            text=msg(
                "{share:.0f} % of what the service heard in the 0.6 s before `interrupted` was its own reply",
                share=100 * share,
            ),
            metric="interruption_echo_share",
            turn=turn,
        ),
    )
    when = "" if after is None else msg(" after {after_s}", after_s=format_seconds(after))
    return raised(
        msg(
            "The service interrupted its own reply{when}: it heard the echo, {level_db:.0f} dB below what was played",
            when=when,
            level_db=-level_db,
        ),
        evidence=evidence,
        likely_cause=msg("loudspeaker and microphone are in one room, without echo cancellation"),
        fix=_FIX,
        severity=Severity.ERROR,
    )


def _removed(captured: tuple[Measurement, ...], sent: list[tuple[float, Measurement]]) -> bool:
    """Return whether no echo reaches the microphone in any of the turns in which one could be hidden in `sent`."""
    quiet = {item.turn for value, item in numbers(captured) if value <= LIMIT_DB}
    return all(item.turn in quiet for _, item in sent)


def _interrupted_turn(measurements: Measurements) -> tuple[float, int | None] | None:
    """Return share and turn of the first reply that was interrupted by its echo, or None."""
    for share, item in numbers(measurements.find("interruption_echo_share")):
        user = measurements.value("interruption_user_share", turn=item.turn) or 0.0
        if share >= ECHO_SHARE and user < USER_SHARE:
            return share, item.turn
    return None


def _played_for_s(timeline: Timeline, turn: int | None) -> float | None:
    """Return how long a reply had played when the service interrupted it; None if that was not seen."""
    cut = [event for event in timeline.named(EventName.INTERRUPTED) if event.data.get("turn") == turn]
    begun = [
        event
        for event in timeline.named(EventName.PLAYOUT_STARTED, EventName.CHUNK_RECEIVED)
        if event.data.get("turn") == turn
    ]
    if not cut or not begun:
        return None
    played = [event for event in begun if event.name == EventName.PLAYOUT_STARTED] or begun[:1]
    last = [event for event in played if event.t_s < cut[0].t_s]
    return cut[0].t_s - last[-1].t_s if last else None


def _evidence(measurements: Measurements, level_db: float, item: Measurement) -> Iterator[Evidence]:
    where = "sent" if item.metric == "echo_sent_db" else "captured"
    yield evidence_of(
        item, msg("`{where}` contains an echo {level_db:.0f} dB below what was played", where=where, level_db=-level_db)
    )
    for metric in ("echo_db", "echo_delay_s", "echo_removed_db"):
        found = [pair for pair in numbers(measurements.find(metric)) if pair[1].turn == item.turn]
        if found and item.metric != metric:
            yield evidence_of(found[0][1], _in_words(metric, found[0][0]))


def _in_words(metric: str, value: float) -> str:
    if metric == "echo_db":
        return msg("echo return loss {loss_db:.0f} dB from what was played to `captured`", loss_db=max(-value, 0.0))
    if metric == "echo_delay_s":
        delay_ms = max(1000 * value, 0.0)
        return msg("the microphone delivers the echo {delay_ms:.0f} ms after it was played", delay_ms=delay_ms)
    return msg("the client removes {removed_db:.0f} dB of it before it sends", removed_db=max(value, 0.0))
