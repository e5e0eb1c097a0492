"""What the client under test decides: session, capture, sending, playback, patience.

These settings travel with the take and may be judged.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from diag.core.units import LIVE_INPUT_RATE_HZ, LIVE_OUTPUT_RATE_HZ

SampleRate = int


class ConfigModel(BaseModel):
    """Base of all tables of a configuration: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class SessionConfig(ConfigModel):
    """The Live API setup message.

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
    """From captured frames to chunks for the Live API.

    With `resample` the captured audio is brought to `sample_rate_hz`; without, it is sent as it was captured.
    `declared_rate_hz` goes into the MIME type; 0 leaves the rate undeclared.
    """

    sample_rate_hz: int = Field(LIVE_INPUT_RATE_HZ, ge=8000, le=192000)
    declared_rate_hz: int = Field(LIVE_INPUT_RATE_HZ, ge=0, le=192000)
    batch_ms: float = Field(50.0, ge=5, le=5000)
    resample: bool = True


class PlaybackConfig(ConfigModel):
    """The player: the rate of its output stream, and how much it gathers before it starts.

    With `resample` received audio is brought from its declared rate to `sample_rate_hz`; without, its samples are
    handed to the device as they came.
    """

    sample_rate_hz: int = Field(LIVE_OUTPUT_RATE_HZ, ge=8000, le=192000)
    prebuffer_ms: float = Field(60.0, ge=0, le=5000)
    resample: bool = True


class TurnConfig(ConfigModel):
    """Patience: how long to wait for a reply, and for its end.

    Real Live models were seen to take up to 15 s at bad times; a slow answer is not a missing one.
    """

    reply_timeout_s: float = Field(20.0, gt=0, le=120)
    reply_max_s: float = Field(60.0, gt=0, le=600)


class ClientConfig(ConfigModel):
    """All that the client under test decides, and all that the judging side may read of a configuration."""

    session: SessionConfig = SessionConfig()
    capture: CaptureConfig = CaptureConfig()
    send: SendConfig = SendConfig()
    playback: PlaybackConfig = PlaybackConfig()
    turn: TurnConfig = TurnConfig()
