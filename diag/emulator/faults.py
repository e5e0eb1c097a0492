"""Faults that the emulator can be asked for: one frozen model for each kind.

Every fault has the sessions and turns in which it acts (`sessions`, `turns`: numbers from 1, empty for all) and the
probability that it acts (`probability`). `chance.py` draws.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from diag.emulator.closing import CLOSES


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Drawn(_Model):
    """A delay in seconds that is drawn for each turn.

    A `uniform` delay lies between `low_s` and `high_s`. A `lognormal` delay has the median `low_s` and the 95th
    percentile `high_s`.
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
    """A fault at a given moment: on connecting, before the setup reply, at a time of the session, or in a turn.

    In a turn, `at_s` counts from the end of the user's turn; `chunk`, if given, takes its place.
    """

    when: Literal["connect", "setup", "session", "turn"] = "turn"
    at_s: Seconds = 0.0
    chunk: int | None = Field(None, ge=0)


class Http(_Fault):
    """Refuse the WebSocket upgrade with an HTTP status."""

    kind: Literal["http"]
    status: int = Field(ge=400, le=599)


class Close(Placed):
    """Close the session with a close code and reason; `named` takes both from the table of known ones (`CLOSES`)."""

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
    """Cut the TCP connection without a close frame."""

    kind: Literal["drop"]


class MalformedJson(Placed):
    """Send a message that is not JSON (`cut`), or JSON that is not a message of the protocol."""

    kind: Literal["malformed_json"]
    form: Literal["cut", "error", "flat_error"] = "cut"


class OversizedFrame(Placed):
    """Send a message larger than the 1 MiB that clients accept by default."""

    kind: Literal["oversized_frame"]
    size_bytes: int = Field(1_200_000, ge=1, le=64_000_000)


class GoAway(_Fault):
    """Send goAway; with `enforce` also close the connection after `time_left_s`, with the code of the real service.

    With `silent` no turn is answered after goAway.
    """

    kind: Literal["go_away"]
    at_s: Seconds = 0.0
    time_left_s: Seconds = 50.0
    enforce: bool = True
    silent: bool = False


class SlowPong(_Fault):
    """Answer pings late, or never if `delay_s` is left out."""

    kind: Literal["slow_pong"]
    delay_s: Seconds | None = None


class Quota(_Fault):
    """Close a new session as over quota while `at_once` others are open."""

    kind: Literal["quota"]
    at_once: int = Field(3, ge=0, le=1000)


class SlowSetup(_Fault):
    """Send setupComplete late, or never if `delay_s` is left out."""

    kind: Literal["slow_setup"]
    delay_s: Delay | None = None


class SlowFirstAudio(_Fault):
    """Send the first audio `delay_s` after the end of the user's turn instead of `think_s`.

    The delay grows by `grows_s` with every turn.
    """

    kind: Literal["slow_first_audio"]
    delay_s: Delay = 4.0
    grows_s: Seconds = 0.0


class SlowUnderLoad(_Fault):
    """Send the first audio later by `per_session_s` for every other session that is open."""

    kind: Literal["slow_under_load"]
    per_session_s: Seconds = 0.02


class SilentTurn(_Fault):
    """Complete the turn without content, with a turnCompleteReason if `reason` is given."""

    kind: Literal["silent_turn"]
    reason: str = Field("", pattern="^[A-Z_]*$")


class CompleteReason(_Fault):
    """Send turnComplete with a turnCompleteReason; without `audio` the turn has no content."""

    kind: Literal["complete_reason"]
    reason: str = Field("RESPONSE_REJECTED", pattern="^[A-Z_]+$")
    audio: bool = True


class Interaction(_Fault):
    """Send turnComplete with this interactionStatus; for IN_PROGRESS, clients wait for more content."""

    kind: Literal["interaction_status"]
    status: Literal["INTERACTION_STATUS_UNSPECIFIED", "IN_PROGRESS", "REQUIRES_ACTION", "IDLE"] = "IN_PROGRESS"


class ToolCancel(_Fault):
    """Cancel a function call after `after_s`, and answer the turn without its result."""

    kind: Literal["tool_cancel"]
    after_s: Seconds = 0.5


class TextReply(_Fault):
    """Send text parts instead of audio."""

    kind: Literal["text_reply"]


class CutReply(_Fault):
    """End the reply in the middle of speech, without `interrupted`: before a chunk or time, or after `share` of it."""

    kind: Literal["cut_reply"]
    share: float = Field(0.5, gt=0, lt=1)
    chunk: int | None = Field(None, ge=1)
    at_s: Seconds | None = None


class Burst(_Fault):
    """Hold chunks back and send them together, `chunks` at a time."""

    kind: Literal["burst"]
    chunks: int = Field(5, ge=2, le=1000)


class Jitter(_Fault):
    """Delay each chunk by a random time, uniform between 0 and `up_to_s`; the order is kept."""

    kind: Literal["jitter"]
    up_to_s: Seconds = 0.2


class Pause(_Fault):
    """Stop sending for `for_s` before a chunk or time, then continue."""

    kind: Literal["pause"]
    chunk: int = Field(3, ge=0)
    at_s: Seconds | None = None
    for_s: Seconds = 1.0


class Slow(_Fault):
    """Send chunks at `pace` times real time, below 1."""

    kind: Literal["slow"]
    pace: float = Field(0.7, gt=0, lt=1)


class Stall(_Fault):
    """Send nothing more from a chunk or time on; the connection stays open."""

    kind: Literal["stall"]
    chunk: int = Field(3, ge=0)
    at_s: Seconds | None = None


class LateTurnComplete(_Fault):
    """Send turnComplete `delay_s` after the end of playback."""

    kind: Literal["late_turn_complete"]
    delay_s: Delay = 20.0


class MissingTurnComplete(_Fault):
    """Do not send turnComplete."""

    kind: Literal["missing_turn_complete"]


class MissingGenerationComplete(_Fault):
    """Do not send generationComplete."""

    kind: Literal["missing_generation_complete"]


class FalseInterrupt(_Fault):
    """Send `interrupted` at a chunk or time although the user is silent; with `audio`, in the message of that chunk."""

    kind: Literal["false_interrupt"]
    chunk: int = Field(3, ge=0)
    at_s: Seconds | None = None
    audio: bool = False


class IgnoreBargeIn(_Fault):
    """Do not interrupt the reply when the user speaks; with `answered`, answer the user's speech after it."""

    kind: Literal["ignore_barge_in"]
    answered: bool = True


class SlowInterrupt(_Fault):
    """Interrupt the reply `delay_s` after the user's speech was detected."""

    kind: Literal["slow_interrupt"]
    delay_s: Seconds = 1.5


class DuplicateChunk(_Fault):
    """Send one chunk twice; without `chunk`, send each chunk twice with the probability `share`."""

    kind: Literal["duplicate_chunk"]
    chunk: int | None = Field(None, ge=0)
    share: float = Field(0.2, gt=0, le=1)


class DropChunk(_Fault):
    """Leave one chunk out; without `chunk`, leave each chunk out with the probability `share`."""

    kind: Literal["drop_chunk"]
    chunk: int | None = Field(None, ge=0)
    share: float = Field(0.2, gt=0, le=1)


class ReorderChunks(_Fault):
    """Exchange one chunk with the next; without `chunk`, exchange each pair with the probability `share`."""

    kind: Literal["reorder_chunks"]
    chunk: int | None = Field(None, ge=0)
    share: float = Field(0.2, gt=0, le=1)


class Tone(_Fault):
    """Replace the reply by a sustained tone from `at_s` on."""

    kind: Literal["tone"]
    frequency_hz: float = Field(440.0, gt=0, lt=12000)
    level_dbfs: float = Field(-20.0, ge=-80, le=0)
    at_s: Seconds = 0.0


class Dull(_Fault):
    """Make the voice dull: low-pass it at `cutoff_hz`, tilt it by `tilt_db_per_octave` above 1 kHz, or both."""

    kind: Literal["dull"]
    cutoff_hz: float | None = Field(3500.0, gt=100, lt=12000)
    tilt_db_per_octave: float = Field(0.0, ge=-24, le=0)


class Glitch(_Fault):
    """Put gaps or clicks into the audio, at random places of the speech."""

    kind: Literal["glitch"]
    form: Literal["gap", "click"] = "gap"
    count: int = Field(4, ge=1, le=1000)
    length_ms: float = Field(30.0, gt=0, le=2000)


class Clipped(_Fault):
    """Amplify the audio by `gain_db` and clip it at full scale."""

    kind: Literal["clip"]
    gain_db: float = Field(20.0, gt=0, le=60)


class Quiet(_Fault):
    """Amplify the reply by `gain_db` (below 0), so that it has its full length but is hardly audible."""

    kind: Literal["quiet"]
    gain_db: float = Field(-55.0, ge=-120, lt=0)


class LeadSilence(_Fault):
    """Insert silence before the first sample of the reply."""

    kind: Literal["lead_silence"]
    silence_s: Seconds = 0.5


class OtherVoice(_Fault):
    """Speak with the prebuilt voice `voice` in place of the one that the session asked for."""

    kind: Literal["other_voice"]
    voice: str = Field("Puck", min_length=1, max_length=40)


class SpeechAnswer(_Fault):
    """Answer requests for speech (`generateContent`) in another form.

    `wav` is a whole WAV file, `wav_as_pcm` the same labelled as raw PCM, `blocked` an answer without content and with
    finishReason OTHER, `text` an answer in words. `status` is an HTTP error in place of an answer.
    """

    kind: Literal["speech_answer"]
    form: Literal["wav", "wav_as_pcm", "blocked", "text", "status"] = "wav"
    status: int = Field(500, ge=400, le=599)


class RateLabel(_Fault):
    """Declare another rate in the MIME type than the audio has; 0 leaves the rate out."""

    kind: Literal["rate_label"]
    declared_hz: int = Field(16000, ge=0, le=192000)


class ContentRate(_Fault):
    """Send audio at another rate than the 24000 Hz that the MIME type declares."""

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
    | SlowUnderLoad
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
    | IgnoreBargeIn
    | SlowInterrupt
    | DuplicateChunk
    | DropChunk
    | ReorderChunks
    | Tone
    | Dull
    | Glitch
    | Clipped
    | Quiet
    | LeadSilence
    | OtherVoice
    | SpeechAnswer
    | RateLabel
    | ContentRate,
    Field(discriminator="kind"),
]


FAULT_KINDS: tuple[str, ...] = tuple(
    get_args(model.model_fields["kind"].annotation)[0] for model in get_args(get_args(Fault)[0])
)
"""Names of all kinds of faults, in the order of their definition."""
