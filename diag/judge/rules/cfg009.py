"""CFG009: the service could not be reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.core.messages import msg
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.judge.closings import setup_unanswered
from diag.judge.registry import rule

_STEPS = {
    "dns": (msg("its name could not be resolved"), msg("check the host's name and this machine's name server")),
    "tcp": (
        msg("nothing accepted the connection"),
        msg("check address, port and firewall, and that the service is up"),
    ),
    "tls": (
        msg("no trusted TLS connection could be made"),
        msg("check the certificate, its names and the clock of this machine"),
    ),
    "proxy": (
        msg("the proxy did not let it through"),
        msg("check the proxy, or exclude this host from it with NO_PROXY"),
    ),
    "setup": (
        msg("it neither confirmed nor refused the setup"),
        msg(
            "remove settings from the setup one by one (`diag doctor --setup` judges them), connect without a gateway "
            "if there is one, and try again later"
        ),
    ),
    "http": (msg("it did not open a WebSocket"), msg("try again later; check the path if the address is your own")),
}


@rule("CFG009", name="endpoint-unreachable", severity="error", explained_by=("CFG013",))
def endpoint_unreachable(timeline: Timeline) -> Verdict:
    """The service could not be reached.

    What it shows
        No session was opened because a step on the way to the service failed: name lookup, connection, TLS, proxy,
        HTTP, or the setup, which the service neither confirmed nor refused.

    Why it matters
        Nothing was measured. The take says nothing about the service, the model or the client.

    Evidence
        The step that failed, its error message, and the names of the proxy variables that are set.

    Likely causes
        - No network, a firewall, a wrong address, a service that is down (HTTP 5xx).
        - A proxy variable that also applies to this host.
        - A certificate that this machine does not trust.
        - Setup: a setting that the model does not answer, or a gateway that opens the connection and passes nothing on.

    Fix
        Fix the step that is named. `diag doctor` repeats the steps one by one.

    Does not prove
        That the service is down: only that this machine could not reach it at that moment.
    """
    failed = timeline.first("unreachable")
    if failed is None and not setup_unanswered(timeline):
        reached = timeline.first("session_open", "session_refused") is not None
        return clear() if reached else not_checked(msg("no connection was attempted"))
    data: Mapping[str, Any] = failed.data if failed else {"step": "setup", "detail": msg("no setupComplete came")}
    step = str(data.get("step", ""))
    words, advice = _STEPS.get(step, (msg("the connection failed"), msg("check the network")))
    connecting = timeline.first("session_connecting")
    host = str((connecting.data.get("host") or connecting.data.get("endpoint")) if connecting else "") or "the service"
    host = host.rpartition("@")[2]
    proxies = [str(name) for name in data.get("proxy") or ()]
    through = (
        msg("proxy variables that are set: {names}", names=", ".join(proxies))
        if proxies
        else msg("no proxy variable is set")
    )
    return raised(
        msg("The service did not answer the setup of the session ({host})", host=host)
        if step == "setup"
        else msg(
            "The service could not be reached: {words} ({step}, {host})",
            words=words,
            step=step or msg("unknown step"),
            host=host,
        ),
        evidence=[
            Evidence(
                text=msg(
                    "connecting to {host} failed at {step}: {detail}",
                    host=host,
                    step=step or msg("an unknown step"),
                    detail=data.get("detail", ""),
                )
            ),
            Evidence(text=through),
        ],
        likely_cause=msg("{words}; {names} may redirect the connection", words=words, names=", ".join(proxies))
        if proxies
        else words,
        fix=msg("{advice}; unset {names} if this host needs no proxy", advice=advice, names=", ".join(proxies))
        if proxies and step != "proxy"
        else advice,
    )
