"""Why there is no value: a code that programs compare, and a text that people read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MissingCode(StrEnum):
    """Kinds of reasons for which something was not measured."""

    NO_RECORDING = "no_recording"
    """The tap was not recorded."""
    NO_TURN = "no_turn"
    """No turn took place, or the turn left nothing on this tap."""
    SILENT = "silent"
    """There is no sound to measure."""
    TOO_SHORT = "too_short"
    """There is sound, but less than the method needs."""
    LOW_RATE = "low_rate"
    """The sample rate does not reach far enough."""
    NO_VOICE = "no_voice"
    """There is sound, but no speech in it."""
    OTHER_SPEECH = "other_speech"
    """Both ends carry different speech by design, as on the service hop."""
    NO_MATCH = "no_match"
    """The output is no copy of the input, as far as could be found."""
    WRONG_SPEED = "wrong_speed"
    """The speed differs, and the method needs the same speed."""
    STRETCHED = "stretched"
    """Time was stretched without a change of pitch, or the reverse."""
    UNFIT = "unfit"
    """The sound is of a kind that the method cannot judge, as noise from bytes read wrongly."""
    BACKGROUND = "background"
    """Only background noise in this part of a long recording."""
    ENDED = "ended"
    """The recording ended before the reference did."""
    OTHER_VOICE = "other_voice"
    """The voice is not the one of the profile, at any speed."""
    NO_PROFILE = "no_profile"
    """No voice profile was given."""
    NOTHING_SUSPICIOUS = "nothing_suspicious"
    """The recording alone shows nothing, which does not prove that there is nothing."""
    NO_EVENTS = "no_events"
    """The events that would tell did not happen, or were not recorded."""
    NO_CLOCK = "no_clock"
    """The recordings have no place on a common clock."""
    DISAGREE = "disagree"
    """Two ways of measuring disagree."""
    NOT_INSTALLED = "not_installed"
    """An optional package is not installed."""
    TOO_LONG = "too_long"
    """The recording is longer than the method takes."""
    REFUSED = "refused"
    """The library that measures it refused the recording."""
    CRASHED = "crashed"
    """The method itself failed."""


@dataclass(frozen=True)
class Missing:
    """The reason why there is no value.

    Parameters
    ----------
    code : MissingCode
    text : str
        The reason in words, without a full stop.
    """

    code: MissingCode
    text: str

    def __str__(self) -> str:
        return self.text
