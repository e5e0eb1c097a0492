"""APP003."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.results import Evidence, Severity, Verdict, clear, does_not_apply, not_checked, raised
from diag.core.timeline import EventName, Timeline
from diag.judge.evidence import last_lines
from diag.judge.registry import rule

_REDIRECT = msg(
    "let the client library take its address from GOOGLE_GEMINI_BASE_URL, or its proxy from "
    "HTTPS_PROXY, and trust the certificate in SSL_CERT_FILE; docs/apps.md has the line for each "
    "library"
)

_SERVER = msg(
    "name the command of the page's server in `serve` of [app], so that diag starts it with the "
    "variables that lead it to the proxy; docs/apps.md has the line for each library"
)


@rule("APP003", name="service-not-reached-through-proxy", severity="error", or_severity="info")
def service_not_reached_through_proxy(timeline: Timeline) -> Verdict:
    """The app's service traffic does not pass the recording proxy.

    What it shows
        The app ran, but no session passed the proxy: the app said that it listens and opened none there, or it did not
        accept the proxy's certificate. It is information where the page's own messages show what it sends and receives.

    Why it matters
        Without `sent` and `received`, a fault cannot be assigned to the app or to the service. With the page's own
        messages, what the page's server does is judged together with the service.

    Evidence
        The number of sessions and requests that passed the proxy, and of connections that were given up because of the
        certificate; the other addresses to which the program was connected with TLS; the last lines of the app's
        output.

    Likely causes
        - The address of the service is fixed in the app, and its library does not use HTTPS_PROXY.
        - The library has a certificate store of its own and ignores SSL_CERT_FILE.
        - The traffic goes through a server that diag did not start.

    Fix
        Let the client library take its address from GOOGLE_GEMINI_BASE_URL, or its proxy from HTTPS_PROXY, and trust
        the certificate in SSL_CERT_FILE. docs/apps.md has the line for each library.

    Does not prove
        That the app talks to the service at all: it may not have connected anywhere.
    """
    started = timeline.first(EventName.APP_STARTED)
    if started is None:
        return does_not_apply(msg("no app was started"))
    stopped = timeline.first(EventName.APP_STOPPED)
    if stopped is None:
        return not_checked(msg("how the app ended was not recorded"))
    distrusted = int(stopped.data.get("refused_certificates") or 0)
    if int(stopped.data.get("sessions") or 0) > 0:
        return clear()
    listened = timeline.first(EventName.APP_READY) is not None
    if not listened and not distrusted:
        return not_checked(msg("the app did not get as far as opening a session"))
    requests = int(stopped.data.get("requests") or 0)
    seen = msg("0 sessions and {requests} other requests passed the proxy", requests=requests)
    page = stopped.data.get("page_messages") or {}
    is_page = started is not None and "url" in started.data
    if page.get("sent") and page.get("received") and not distrusted:
        return raised(
            msg(
                "The page talks to a server that diag did not start; the page's own messages are taken "
                "for `sent` and `received`"
            ),
            evidence=[
                Evidence(
                    text=msg(
                        "{seen}; the page sent {sent} messages with audio and received {received}",
                        seen=seen,
                        sent=page["sent"],
                        received=page["received"],
                    )
                )
            ],
            likely_cause=msg("the server runs already, or on another machine"),
            fix=_SERVER,
            severity=Severity.INFO,
        )  # fmt: skip
    if distrusted:
        seen = msg("{seen}; {count} connections were given up during the TLS handshake", seen=seen, count=distrusted)
    elsewhere = [str(item) for item in stopped.data.get("connections") or ()]
    if elsewhere:
        seen = msg("{seen}; the program was connected to {places}", seen=seen, places=", ".join(elsewhere))
    return raised(
        msg("The app does not trust the certificate of the recording proxy, so no session was opened")
        if distrusted
        else msg(
            "The app listens, but its sessions do not pass the recording proxy: it is connected to {place}",
            place=elsewhere[0],
        )
        if elsewhere
        else msg("The app listens, but its sessions do not pass the recording proxy"),
        evidence=[Evidence(text=seen), *last_lines(stopped.data)],
        likely_cause=msg("the library has a certificate store of its own and ignores SSL_CERT_FILE")
        if distrusted
        else msg("the address of the service is fixed in the app, and its library does not use HTTPS_PROXY"),
        fix=_SERVER if is_page else _REDIRECT,
    )
