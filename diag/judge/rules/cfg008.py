"""CFG008: the service ended the session because it reached its time limit."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing_of
from diag.judge.evidence import setting
from diag.judge.registry import rule


@rule("CFG008", name="session-limit", severity="warning")
def session_limit(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The service ended the session because it reached its time limit.

    What it shows
        The session was closed after a `goAway`, or with a reason that mentions it or the session's duration.

    Why it matters
        A connection lasts about 10 minutes, and a session about 15 minutes of audio. If the client does not resume, the
        conversation breaks off.

    Evidence
        The `goAway` and the time left that it announced; close code and reason; whether the setup asks for session
        resumption.

    Likely causes
        - The client keeps using the old connection after `goAway` instead of opening a new one.
        - Session resumption or context compression is not switched on.

    Fix
        Switch on session resumption, open the next connection when `goAway` comes, and compress the context.

    Does not prove
        That the conversation was lost: a client may resume in a new session.
    """
    found = closing_of("CFG008", timeline, observed)
    if isinstance(found, Verdict):
        return found
    notice = timeline.first("go_away")
    evidence = [found.evidence]
    if notice is not None:
        evidence.insert(
            0, Evidence(text=msg("goAway came with {left_s} s left", left_s=notice.data.get("time_left_s")))
        )
    fix = msg("switch on session resumption and open the next connection when `goAway` comes; compress the context")
    if observed.setup is not None:
        resumes = setting(observed, "sessionResumption") is not None
        evidence.append(
            Evidence(
                text=msg("the setup asks for session resumption")
                if resumes
                else msg("the setup does not ask for session resumption (`session_resumption`)")
            )
        )
        if resumes:
            fix = msg(
                "open the next connection with the newest resumption handle when `goAway` comes, before the time left "
                "is over; compress the context"
            )
    return raised(
        msg("The service ended the session because it reached its time limit"),
        evidence=evidence,
        likely_cause=msg("the client did not change to a new connection in time"),
        fix=fix,
    )
