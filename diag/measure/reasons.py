"""Reasons for missing values that several metrics give."""

from __future__ import annotations

from diag.core.chain import Tap
from diag.core.missing import Missing, MissingCode

SILENT = Missing(MissingCode.SILENT, "the clip is silent")
STRETCHED = Missing(MissingCode.STRETCHED, "time was stretched without a change of pitch; see time_ratio")
NO_TURN = Missing(MissingCode.NO_TURN, "no turn took place in this take")
NO_PROMPT = Missing(MissingCode.NO_TURN, "the prompt was not spoken in this turn")
NO_AUDIO = Missing(MissingCode.NO_TURN, "no audio was received in this turn")
NOTHING_PLAYED = Missing(MissingCode.NO_TURN, "nothing was played in this turn")
TOO_LITTLE = Missing(MissingCode.TOO_SHORT, "too little matched sound to compare")
PLAYED_SILENT = Missing(MissingCode.SILENT, "what was played is silent")
OTHER_SPEECH = Missing(MissingCode.OTHER_SPEECH, "the two taps carry different speech: the prompt and the reply")


def no_recording(tap: Tap) -> Missing:
    """Return the reason that a tap was not recorded."""
    return Missing(MissingCode.NO_RECORDING, f"the take has no `{tap}` recording")


def not_on(tap: Tap, what: str) -> Missing:
    """Return the reason that a tap has no recording of a turn; `what` is "prompt" or "reply"."""
    return Missing(MissingCode.NO_TURN, f"`{tap}` has no {what} in this turn")


def too_short(text: str) -> Missing:
    """Return the reason that there is less sound than the metric needs."""
    return Missing(MissingCode.TOO_SHORT, text)


def wrong_speed(ratio: float) -> Missing:
    """Return the reason that a segment changes the speed."""
    text = f"the speed differs by {100 * (ratio - 1):+.1f} %, which has to be repaired first"
    return Missing(MissingCode.WRONG_SPEED, text)
