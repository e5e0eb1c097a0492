"""Settings of the client under test: session, capture, sending, playback and time limits of a turn.

They are saved with the take, and rules may read them.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from diag.core.json_reading import read_json
from diag.core.units import LIVE_INPUT_RATE_HZ, LIVE_OUTPUT_RATE_HZ


class ConfigModel(BaseModel):
    """Base class of all tables of a configuration. Instances are frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class SessionConfig(ConfigModel):
    """Content of the Live API setup message.

    `response_modalities = None` leaves the field out, as many clients do (finding CFG001).
    """

    model: str = "models/gemini-3.8-live"
    api_version: Literal["v1", "v1beta", "v1alpha"] = "v1beta"
    response_modalities: tuple[str, ...] | None = None
    voice: str | None = None
    language_code: str | None = None
    system_instruction: str | None = None
    input_transcription: bool = False
    output_transcription: bool = False
    extra: dict[str, Any] = Field(default_factory=dict)


class CaptureConfig(ConfigModel):
    """The microphone stream: the rate at which the device is opened."""

    sample_rate_hz: int = Field(LIVE_INPUT_RATE_HZ, ge=8000, le=192000)


class SendConfig(ConfigModel):
    """How captured frames become chunks for the Live API.

    If `resample` is true, the captured audio is converted to `sample_rate_hz`; otherwise it is sent at the capture
    rate. `declared_rate_hz` is the rate in the MIME type; with 0 the MIME type declares no rate. If `half_duplex` is
    true, silence is sent in place of the microphone's audio while a reply plays.
    """

    sample_rate_hz: int = Field(LIVE_INPUT_RATE_HZ, ge=8000, le=192000)
    declared_rate_hz: int = Field(LIVE_INPUT_RATE_HZ, ge=0, le=192000)
    batch_ms: float = Field(50.0, ge=5, le=5000)
    resample: bool = True
    half_duplex: bool = False


class PlaybackConfig(ConfigModel):
    """The player: the rate of its output stream, and how much audio it buffers before it starts.

    If `resample` is true, received audio is converted from its declared rate to `sample_rate_hz`; otherwise its
    samples go to the device unchanged.
    """

    sample_rate_hz: int = Field(LIVE_OUTPUT_RATE_HZ, ge=8000, le=192000)
    prebuffer_ms: float = Field(60.0, ge=0, le=5000)
    resample: bool = True


class TurnConfig(ConfigModel):
    """How long to wait for a reply to begin, and for it to end.

    The default of 20 s leaves room for slow answers: Live models sometimes took up to 15 s.
    """

    reply_timeout_s: float = Field(20.0, gt=0, le=120)
    reply_max_s: float = Field(60.0, gt=0, le=600)


class ClientConfig(ConfigModel):
    """All settings of the client under test. Metrics and rules may read no other part of a configuration.

    `setup` or `setup_frame` is the first message of a client that speaks JSON over a WebSocket of its own, without the
    SDK. `setup` is the content of the message's setup object; `setup_frame` is the text of the whole message, which is
    a JSON object.
    """

    session: SessionConfig = SessionConfig()
    capture: CaptureConfig = CaptureConfig()
    send: SendConfig = SendConfig()
    playback: PlaybackConfig = PlaybackConfig()
    turn: TurnConfig = TurnConfig()
    setup: dict[str, Any] | None = None
    setup_frame: str | None = None

    @property
    def raw_frame(self) -> str | None:
        """Text of the first message if the client sends one of its own; None if the SDK makes it from `session`."""
        if self.setup_frame is not None:
            return self.setup_frame
        return None if self.setup is None else json.dumps({"setup": self.setup}, ensure_ascii=False)

    @property
    def asked_model(self) -> str:
        """Name of the model that the first message asks for; empty if it names none."""
        frame = self.raw_frame
        if frame is None:
            return self.session.model
        try:
            message = read_json(frame)
        except ValueError:
            return ""
        setup = message.get("setup") if isinstance(message, dict) else None
        return str(setup.get("model") or "") if isinstance(setup, dict) else ""
