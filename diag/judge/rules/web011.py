"""WEB011."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.judge.page_evidence import page_of
from diag.judge.registry import rule


@rule("WEB011", name="insecure-context", severity="error")
def insecure_context(observed: ObservedClient) -> Verdict:
    """The page is not a secure context, so it has neither a microphone nor worklets.

    What it shows
        The page was opened by plain HTTP from a host other than localhost.

    Why it matters
        `navigator.mediaDevices` and `AudioWorklet` do not exist there, in every browser.

    Evidence
        The address of the page, and what the browser says of it.

    Likely causes
        - The page was tried on localhost and is now opened under the name or the address of its machine.

    Fix
        Serve the page by HTTPS, or open it as http://localhost.

    Does not prove
        That the page works by HTTPS.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    if page.secure is None:
        return not_checked(msg("the page was not opened"))
    if page.secure:
        return clear()
    return raised(
        msg("The page is not a secure context: the browser gives it neither a microphone nor worklets"),
        evidence=[
            Evidence(text=msg("{url}: isSecureContext is false", url=page.url)),
            *([Evidence(text=msg("navigator.mediaDevices does not exist"))] if page.has_media_devices is False else []),
        ],
        likely_cause=msg("the page is opened by plain HTTP from a host other than localhost"),
        fix=msg("serve the page by HTTPS, or open it as http://localhost"),
    )
