"""Reasons why there is no value: a code for programs to compare, and a text for people to read."""

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
    """There is sound, but it is shorter than the method needs."""
    LOW_RATE = "low_rate"
    """The sample rate is too low for the method."""
    NO_VOICE = "no_voice"
    """There is sound, but no speech in it."""
    OTHER_SPEECH = "other_speech"
    """Both ends carry different speech by design, as on the service hop."""
    NO_MATCH = "no_match"
    """The output was not recognised as a copy of the input."""
    WRONG_SPEED = "wrong_speed"
    """The speed differs, and the method needs the same speed."""
    STRETCHED = "stretched"
    """Duration and pitch were changed by different factors."""
    UNFIT = "unfit"
    """The method cannot judge this kind of sound, for example noise from bytes read in the wrong format."""
    BACKGROUND = "background"
    """This part of a long recording holds only background noise."""
    ENDED = "ended"
    """The recording ended before the reference did."""
    OTHER_VOICE = "other_voice"
    """The voice is not the one of the profile, at any speed."""
    NO_PROFILE = "no_profile"
    """No voice profile was given."""
    NOTHING_SUSPICIOUS = "nothing_suspicious"
    """No sign of the fault was found, but without a reference recording that does not prove that there is none."""
    UNDECIDED = "undecided"
    """What was seen fits a fault, and fits its absence as well."""
    NO_EVENTS = "no_events"
    """The events that this is measured from did not happen, or were not recorded."""
    NO_CLOCK = "no_clock"
    """The recordings have no common clock."""
    DISAGREE = "disagree"
    """Two ways of measuring disagree."""
    NOT_INSTALLED = "not_installed"
    """An optional package is not installed."""
    TOO_LONG = "too_long"
    """The recording is longer than the method accepts."""
    REFUSED = "refused"
    """The library that measures it rejected the recording."""
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
