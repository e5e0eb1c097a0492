"""CFG011: the service is not available in the region that the request comes from."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Verdict, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing_of
from diag.judge.registry import rule


@rule("CFG011", name="location-not-served", severity="error")
def location_not_served(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The service is not available in the region that the request comes from.

    What it shows
        The session was refused with "User location is not supported…".

    Why it matters
        No session opens from this network, whatever the client sends.

    Evidence
        Close code and reason.

    Likely causes
        - The service is not available in the country of this machine's IP address.
        - A VPN, a proxy or a cloud region uses an IP address from such a country.

    Fix
        Connect from a served country or cloud region, or use Vertex AI in a supported region.

    Does not prove
        Where the machine is: the service only sees the IP address that the request came from.
    """
    found = closing_of("CFG011", timeline, observed)
    if isinstance(found, Verdict):
        return found
    return raised(
        msg("The service is not available at the location of this machine's IP address"),
        evidence=[found.evidence],
        likely_cause=msg(
            "the country of this address, or of the VPN, proxy or cloud region in front of it, is not served"
        ),
        fix=msg(
            "connect from a served country or region (check VPN and proxy), or use Vertex AI in a supported region"
        ),
    )
