"""Settings of one profile of the emulator: the allowed content of a scenario's `[emulator]` table."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from diag.core.errors import BadInputError, did_you_mean
from diag.emulator.faults import FAULT_KINDS, Delay, Fault, Seconds


class EmulatorSettings(BaseModel):
    """Behaviour of the emulated service; with the defaults it is healthy (table in docs/emulator.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: str | None = None
    omitted_modality: Literal["silent", "text", "audio", "rejected"] = "silent"
    text_on_audio_model: Literal["combination", "voices", "internal"] = "combination"
    keys: tuple[str, ...] = ()
    any_path: bool = False
    withheld_models: tuple[str, ...] = ()
    down: Literal["tcp", "tls", "certificate", "dns"] | None = None

    think_s: Delay = 0.25
    chunk_ms: float = Field(200.0, ge=1, le=5000)
    pace: float = Field(1.5, gt=0, le=100)
    silence_ms: int = Field(500, ge=20, le=60000)
    prefix_padding_ms: int = Field(60, ge=0, le=10000)
    chunk_spread: float = Field(0.0, ge=0, le=0.9)
    silence_at_most_ms: int | None = Field(None, ge=20, le=60000)
    unrecognised: Literal["answer", "ask_back", "silent", "wait"] = "answer"
    voice_activity: bool = False
    tool_calls: Literal["never", "first_turn", "every_turn"] = "never"
    tool_input: Literal["accepted", "rejected", "unsupported"] = "accepted"
    outside_activity: Literal["ignored", "rejected"] = "ignored"
    unasked_transcripts: bool = False
    interim_transcripts: bool = False
    transcript_words: int = Field(3, ge=0, le=1000)
    transcript_with_audio: bool = False
    silent_turn: bool = False

    connection_limit_s: Annotated[float, Field(gt=0, le=86400)] = 600.0
    go_away_notice_s: Seconds = 50.0
    session_limit_s: Annotated[float, Field(gt=0, le=86400)] = 900.0
    video_session_limit_s: Annotated[float, Field(gt=0, le=86400)] = 120.0
    setup_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    idle_timeout_s: Annotated[float, Field(gt=0, le=86400)] = 300.0

    faults: tuple[Fault, ...] = ()

    @field_validator("as_of", mode="before")
    @classmethod
    def _is_a_date(cls, value: object) -> object:
        if value is None:
            return None
        if isinstance(value, datetime.date):
            return value.isoformat()
        datetime.date.fromisoformat(str(value))
        return str(value)

    @property
    def date(self) -> datetime.date:
        """Return the day whose models are served; today (UTC) if `as_of` is not set."""
        return datetime.date.fromisoformat(self.as_of) if self.as_of else datetime.datetime.now(datetime.UTC).date()


def read_settings(
    values: Mapping[str, Any], *, attempted: str = "Could not use the emulator's settings"
) -> EmulatorSettings:
    """Return the settings in a mapping, such as a scenario's `[emulator]` table.

    Parameters
    ----------
    attempted : str
        First sentence of the error message.

    Raises
    ------
    BadInputError
        If a key is unknown or a value is not allowed.
    """
    try:
        return EmulatorSettings.model_validate(dict(values))
    except ValidationError as error:
        raise _explained(error, attempted) from None


def _explained(error: ValidationError, attempted: str) -> BadInputError:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        known = tuple(EmulatorSettings.model_fields)
        return BadInputError(
            attempted,
            seen=f"unknown key `{place}`",
            allowed=", ".join(known),
            next_step=did_you_mean(place, known, "remove it or correct its name"),
        )
    if first["type"] == "union_tag_invalid":
        kind = str(first["ctx"]["tag"])
        return BadInputError(
            attempted,
            seen=f"{place}.kind = {kind!r}",
            allowed=", ".join(FAULT_KINDS),
            next_step=did_you_mean(kind, FAULT_KINDS, "see docs/emulator.md"),
        )
    seen = f"{place} = {str(first['input'])[:80]!r}" if place else str(first["input"])[:80]
    return BadInputError(
        attempted, seen=seen, allowed=str(first["msg"])[:400], next_step=f"correct `{place or 'the table'}`"
    )
