"""What can be made to go wrong on demand: one frozen model for each kind of fault.

Every fault says where it strikes (`sessions`, `turns`: numbers from 1, empty for all) and how surely
(`probability`); `chance.py` draws.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from diag.emulator.closing import CLOSES


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Drawn(_Model):
    """A delay drawn for each turn, in seconds.

    `uniform` lies between `low_s` and `high_s`; `lognormal` has the median `low_s` and the 95th percentile `high_s`.
    """

    distribution: Literal["uniform", "lognormal"]
    low_s: float = Field(gt=0, le=600)
    high_s: float = Field(gt=0, le=600)

    @model_validator(mode="after")
    def _in_order(self) -> Drawn:
        if self.high_s < self.low_s:
            raise ValueError("high_s must not be below low_s")
        return self


Seconds = Annotated[float, Field(ge=0, le=3600)]
Delay = Annotated[float, Field(ge=0, le=600)] | Drawn


class _Fault(_Model):
    sessions: tuple[int, ...] = ()
    turns: tuple[int, ...] = ()
    probability: float = Field(1.0, ge=0, le=1)


class Placed(_Fault):
    """A fault at a place: before the setup reply, at a time of the session, or at a time or chunk of a turn."""

    when: Literal["connect", "setup", "session", "turn"] = "turn"
    at_s: Seconds = 0.0
    chunk: int | None = Field(None, ge=0)


class Http(_Fault):
    """The upgrade is refused with an HTTP status."""

    kind: Literal["http"]
    status: int = Field(ge=400, le=599)


class Close(Placed):
    """The service closes with a code and a reason of its own; `named` takes both from the table of known ones."""

    kind: Literal["close"]
    named: str | None = None
    code: int = Field(1011, ge=1000, le=4999)
    reason: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Close:
        if self.named is not None and self.named not in CLOSES:
            raise ValueError(f"named must be one of {', '.join(sorted(CLOSES))}")
        return self


class Drop(Placed):
    """The TCP connection is cut without a close frame."""

    kind: Literal["drop"]


class MalformedJson(Placed):
    """A message that is not JSON, or JSON that is no message of the protocol."""

    kind: Literal["malformed_json"]
    form: Literal["cut", "error", "flat_error"] = "cut"


class OversizedFrame(Placed):
    """A message larger than the 1 MiB that clients accept by default."""

    kind: Literal["oversized_frame"]
    size_bytes: int = Field(1_200_000, ge=1, le=64_000_000)


class GoAway(_Fault):
    """Notice that the connection will end; with `enforce` it then does, with the code of the real service.

    With `silent` nothing is said after the notice, whatever is heard.
    """

    kind: Literal["go_away"]
    at_s: Seconds = 0.0
    time_left_s: Seconds = 50.0
    enforce: bool = True
    silent: bool = False


class SlowPong(_Fault):
    """Pings are answered late, or never where `delay_s` is left out."""

    kind: Literal["slow_pong"]
    delay_s: Seconds | None = None


class Quota(_Fault):
    """Sessions beyond this number at a time are closed as over quota."""

    kind: Literal["quota"]
    at_once: int = Field(3, ge=0, le=1000)


class SlowSetup(_Fault):
    """setupComplete comes late, or never where `delay_s` is left out."""

    kind: Literal["slow_setup"]
    delay_s: Delay | None = None


class SlowFirstAudio(_Fault):
    """The first audio comes this much after the end of the turn, in place of `think_s`; more with every turn."""

    kind: Literal["slow_first_audio"]
    delay_s: Delay = 4.0
    grows_s: Seconds = 0.0


class SilentTurn(_Fault):
    """The turn completes without any content; with a turnCompleteReason, where one is given."""

    kind: Literal["silent_turn"]
    reason: str = Field("", pattern="^[A-Z_]*$")


class CompleteReason(_Fault):
    """turnComplete carries a turnCompleteReason; without `audio` the turn has no content."""

    kind: Literal["complete_reason"]
    reason: str = Field("RESPONSE_REJECTED", pattern="^[A-Z_]+$")
    audio: bool = True


class Interaction(_Fault):
    """turnComplete carries this interactionStatus: while it is in progress, clients wait for more."""

    kind: Literal["interaction_status"]
    status: Literal["INTERACTION_STATUS_UNSPECIFIED", "IN_PROGRESS", "REQUIRES_ACTION", "IDLE"] = "IN_PROGRESS"


class ToolCancel(_Fault):
    """A function call is cancelled after a while, and answered for without its result."""

    kind: Literal["tool_cancel"]
    after_s: Seconds = 0.5


class TextReply(_Fault):
    """Text parts come in place of audio."""

    kind: Literal["text_reply"]


class CutReply(_Fault):
    """The reply ends in mid-speech after this share of it, or before this chunk or time, without `interrupted`."""

    kind: Literal["cut_reply"]
    share: float = Field(0.5, gt=0, lt=1)
    chunk: int | None = Field(None, ge=1)
    at_s: Seconds | None = None


class Burst(_Fault):
    """Chunks are held back and come together, this many at a time."""

    kind: Literal["burst"]
    chunks: int = Field(5, ge=2, le=1000)


class Jitter(_Fault):
    """Each chunk comes late by a random amount: uniform between 0 and `up_to_s`, order kept."""

    kind: Literal["jitter"]
    up_to_s: Seconds = 0.2


class Pause(_Fault):
    """Delivery rests before this chunk or time, then goes on."""

    kind: Literal["pause"]
    chunk: int = Field(3, ge=0)
    at_s: Seconds | None = None
    for_s: Seconds = 1.0


class Slow(_Fault):
    """Chunks come at this multiple of real time, below 1."""

    kind: Literal["slow"]
    pace: float = Field(0.7, gt=0, lt=1)


class Stall(_Fault):
    """Nothing more comes from this chunk or time on, for good; the connection stays open."""

    kind: Literal["stall"]
    chunk: int = Field(3, ge=0)
    at_s: Seconds | None = None


class LateTurnComplete(_Fault):
    """turnComplete comes later than the end of playback."""

    kind: Literal["late_turn_complete"]
    delay_s: Delay = 20.0


class MissingTurnComplete(_Fault):
    """turnComplete never comes."""

    kind: Literal["missing_turn_complete"]


class MissingGenerationComplete(_Fault):
    """generationComplete never comes."""

    kind: Literal["missing_generation_complete"]


class FalseInterrupt(_Fault):
    """`interrupted` comes at this chunk or time though nobody spoke; with `audio` in one message with that chunk."""

    kind: Literal["false_interrupt"]
    chunk: int = Field(3, ge=0)
    at_s: Seconds | None = None
    audio: bool = False


class DuplicateChunk(_Fault):
    """A chunk is sent twice; without `chunk` each one is, with the probability `share`."""

    kind: Literal["duplicate_chunk"]
    chunk: int | None = Field(None, ge=0)
    share: float = Field(0.2, gt=0, le=1)


class DropChunk(_Fault):
    """A chunk is left out; without `chunk` each one is, with the probability `share`."""

    kind: Literal["drop_chunk"]
    chunk: int | None = Field(None, ge=0)
    share: float = Field(0.2, gt=0, le=1)


class ReorderChunks(_Fault):
    """A chunk changes places with the next; without `chunk` each pair does, with the probability `share`."""

    kind: Literal["reorder_chunks"]
    chunk: int | None = Field(None, ge=0)
    share: float = Field(0.2, gt=0, le=1)


class Tone(_Fault):
    """A sustained tone takes the place of speech from `at_s` of the reply on."""

    kind: Literal["tone"]
    frequency_hz: float = Field(440.0, gt=0, lt=12000)
    level_dbfs: float = Field(-20.0, ge=-80, le=0)
    at_s: Seconds = 0.0


class Dull(_Fault):
    """A dull voice: low-passed at `cutoff_hz`, or tilted by `tilt_db_per_octave` above 1 kHz, or both."""

    kind: Literal["dull"]
    cutoff_hz: float | None = Field(3500.0, gt=100, lt=12000)
    tilt_db_per_octave: float = Field(0.0, ge=-24, le=0)


class Glitch(_Fault):
    """Gaps or clicks inside the audio itself, at random places of the speech."""

    kind: Literal["glitch"]
    form: Literal["gap", "click"] = "gap"
    count: int = Field(4, ge=1, le=1000)
    length_ms: float = Field(30.0, gt=0, le=2000)


class Clipped(_Fault):
    """The audio is driven into full scale by this gain."""

    kind: Literal["clip"]
    gain_db: float = Field(20.0, gt=0, le=60)


class Quiet(_Fault):
    """The reply is turned down by so much: its full length at a level that hardly anyone hears."""

    kind: Literal["quiet"]
    gain_db: float = Field(-55.0, ge=-120, lt=0)


class LeadSilence(_Fault):
    """Silence before the reply's first sample."""

    kind: Literal["lead_silence"]
    silence_s: Seconds = 0.5


class RateLabel(_Fault):
    """The MIME type declares another rate than the audio has; 0 leaves the rate out."""

    kind: Literal["rate_label"]
    declared_hz: int = Field(16000, ge=0, le=192000)


class ContentRate(_Fault):
    """The audio is at another rate than the 24000 Hz that the MIME type declares."""

    kind: Literal["content_rate"]
    content_hz: int = Field(16000, ge=4000, le=192000)


Fault = Annotated[
    Http
    | Close
    | Drop
    | MalformedJson
    | OversizedFrame
    | GoAway
    | SlowPong
    | Quota
    | SlowSetup
    | SlowFirstAudio
    | SilentTurn
    | CompleteReason
    | Interaction
    | ToolCancel
    | TextReply
    | CutReply
    | Burst
    | Jitter
    | Pause
    | Slow
    | Stall
    | LateTurnComplete
    | MissingTurnComplete
    | MissingGenerationComplete
    | FalseInterrupt
    | DuplicateChunk
    | DropChunk
    | ReorderChunks
    | Tone
    | Dull
    | Glitch
    | Clipped
    | Quiet
    | LeadSilence
    | RateLabel
    | ContentRate,
    Field(discriminator="kind"),
]


FAULT_KINDS: tuple[str, ...] = tuple(
    get_args(model.model_fields["kind"].annotation)[0] for model in get_args(get_args(Fault)[0])
)
"""Names of all kinds, in the order of their definition."""
