"""Facts about the client under test that were observed on the wire and on the devices, not read from its configuration.

Rules judge these facts. They come from the events of a take, both for diag's own client and for any other client. A
fact that was not observed is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diag.core.page_facts import PageFacts, page_facts
from diag.core.timeline import Event, EventName, Timeline
from diag.core.units import mime_rate_hz

if TYPE_CHECKING:
    from diag.core.client_config import ClientConfig


@dataclass(frozen=True, kw_only=True)
class ObservedClient:
    """Facts about a client; each is None if it was not observed.

    Parameters
    ----------
    setup : mapping or None
        The setup message as it was sent, with API keys removed.
    model, api_version : str or None
        Model and API version that the client requested.
    sent_mime_types : tuple of str or None
        MIME types of the audio that was sent, sorted.
    sent_rate_hz : int or None
        Sample rate of the audio that was sent: the rate in its MIME type, or else the rate in the client's own
        description.
    batch_lengths_s : tuple of float or None
        Length of each batch of audio that was sent.
    received_mime_types : tuple of str or None
        MIME types of the audio that was received, sorted.
    capture_rate_hz, playback_rate_hz : int or None
        Sample rates of the client's opened streams.
    prebuffer_s : float or None
        Length of audio that the player buffers before it starts.
    resamples_capture, resamples_reply : bool or None
        Whether the client converts the sample rate before sending and before playing.
    marks_activity : bool or None
        Whether the client sends `activityStart` and `activityEnd`.
    page : PageFacts or None
        What the browser showed of the client, if it is a web page.
    from_settings : bool
        The client is diag's own, and made the setup of the table [session] of a configuration. A fix can then name the
        key of that table.
    """

    setup: Mapping[str, Any] | None = None
    model: str | None = None
    api_version: str | None = None
    sent_mime_types: tuple[str, ...] | None = None
    sent_rate_hz: int | None = None
    batch_lengths_s: tuple[float, ...] | None = None
    received_mime_types: tuple[str, ...] | None = None
    capture_rate_hz: int | None = None
    playback_rate_hz: int | None = None
    prebuffer_s: float | None = None
    resamples_capture: bool | None = None
    resamples_reply: bool | None = None
    marks_activity: bool | None = None
    page: PageFacts | None = None
    from_settings: bool = False

    @property
    def asked_modalities(self) -> tuple[str, ...] | None:
        """Response modalities in the setup, in capitals; None if it has none or was not observed."""
        setup = self.setup or {}
        for table in (setup, setup.get("generation_config"), setup.get("generationConfig")):
            for name in ("response_modalities", "responseModalities"):
                asked = table.get(name) if isinstance(table, Mapping) else None
                if isinstance(asked, str | list | tuple):
                    return tuple(str(item).upper() for item in ([asked] if isinstance(asked, str) else asked))
        return None

    @property
    def activity_detection_disabled(self) -> bool:
        """Whether the setup switches off automatic activity detection."""
        found: Any = self.setup or {}
        for names in (("realtime_input_config", "realtimeInputConfig"),
                      ("automatic_activity_detection", "automaticActivityDetection")):  # fmt: skip
            found = next((found[name] for name in names if isinstance(found, Mapping) and name in found), {})
        return isinstance(found, Mapping) and bool(found.get("disabled"))

    @property
    def declared_rate_hz(self) -> int | None:
        """Sample rate in the first of `sent_mime_types`; None if it declares none."""
        return mime_rate_hz(self.sent_mime_types[0]) if self.sent_mime_types else None


def observed_client(timeline: Timeline, own: ClientConfig | None = None) -> ObservedClient:
    """Return the facts about the client that the events of a take show.

    A fact is None if the event data that it needs are damaged or missing.

    Parameters
    ----------
    timeline : Timeline
    own : ClientConfig, optional
        Settings of diag's own client, if it made the take. They replace the event `client_described`, which runs
        recorded by release 0.1.0 do not have.
    """
    setup = timeline.first(EventName.SETUP_SENT)
    connecting = timeline.first(EventName.SESSION_CONNECTING)
    opened = timeline.first(EventName.STREAMS_OPENED)
    described = timeline.first(EventName.CLIENT_DESCRIBED)
    rates = _table(opened, "rates_hz")
    client: Mapping[str, Any] = described.data if described else _described(own)
    sent = [str(event.data.get("mime_type", "")) for event in timeline.named(EventName.BATCH_SENT)]
    received = {str(event.data.get("mime_type", "")) for event in timeline.named(EventName.CHUNK_RECEIVED)}
    page = page_facts(timeline)
    sent_rate_hz = (mime_rate_hz(sent[0]) if sent else None) or client.get("sent_rate_hz")
    return ObservedClient(
        setup=_table(setup, "setup") if setup else None,
        model=connecting.data.get("model") if connecting else (own.asked_model if own else None),
        api_version=connecting.data.get("api_version") if connecting else (own.session.api_version if own else None),
        sent_mime_types=tuple(sorted(set(sent))) or None,
        sent_rate_hz=sent_rate_hz,
        batch_lengths_s=_batch_lengths_s(timeline, sent_rate_hz),
        received_mime_types=tuple(sorted(received)) or None,
        capture_rate_hz=rates.get("microphone")
        or client.get("capture_rate_hz")
        or (page.capture_rate_hz if page else None),
        playback_rate_hz=rates.get("speaker")
        or client.get("playback_rate_hz")
        or (page.playback_rate_hz if page else None),
        prebuffer_s=client.get("prebuffer_s"),
        resamples_capture=client.get("resamples_capture"),
        resamples_reply=client.get("resamples_reply"),
        marks_activity=True if timeline.first(EventName.ACTIVITY_SENT) else client.get("marks_activity"),
        page=page,
        from_settings=described is not None
        and timeline.first(EventName.APP_STARTED) is None
        and (setup is None or "frame" not in setup.data),
    )


def described_client(config: ClientConfig) -> dict[str, Any]:
    """Return the data of the event `client_described` for diag's own client."""
    send, playback = config.send, config.playback
    return {
        "capture_rate_hz": config.capture.sample_rate_hz,
        "sent_rate_hz": send.sample_rate_hz if send.resample else config.capture.sample_rate_hz,
        "resamples_capture": send.resample,
        "playback_rate_hz": playback.sample_rate_hz,
        "prebuffer_s": playback.prebuffer_ms / 1000,
        "resamples_reply": playback.resample,
        "marks_activity": False,
    }


def _table(event: Event | None, name: str) -> Mapping[str, Any]:
    found = event.data.get(name) if event else None
    return found if isinstance(found, Mapping) else {}


def _described(own: ClientConfig | None) -> Mapping[str, Any]:
    return described_client(own) if own else {}


def _batch_lengths_s(timeline: Timeline, sent_rate_hz: int | None) -> tuple[float, ...] | None:
    lengths = []
    for event in timeline.named(EventName.BATCH_SENT):
        rate_hz = mime_rate_hz(str(event.data.get("mime_type", ""))) or sent_rate_hz
        frames = event.data.get("frames")
        if rate_hz and isinstance(frames, int | float):
            lengths.append(frames / rate_hz)
    return tuple(lengths) or None
