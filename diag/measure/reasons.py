"""Reasons for missing values that several metrics give."""

from __future__ import annotations

from diag.core.chain import Tap
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode

SILENT = Missing(MissingCode.SILENT, msg("the clip is silent"))
STRETCHED = Missing(MissingCode.STRETCHED, msg("time was stretched without a change of pitch; see time_ratio"))
NO_TURN = Missing(MissingCode.NO_TURN, msg("no turn took place in this take"))
NO_PROMPT = Missing(MissingCode.NO_TURN, msg("the prompt was not spoken in this turn"))
NO_AUDIO = Missing(MissingCode.NO_TURN, msg("no audio was received in this turn"))
NOTHING_PLAYED = Missing(MissingCode.NO_TURN, msg("nothing was played in this turn"))
TOO_LITTLE = Missing(MissingCode.TOO_SHORT, msg("too little matched sound to compare"))
PLAYED_SILENT = Missing(MissingCode.SILENT, msg("what was played is silent"))
OTHER_SPEECH = Missing(MissingCode.OTHER_SPEECH, msg("the two taps carry different speech: the prompt and the reply"))


def no_recording(tap: Tap) -> Missing:
    """Return the reason that a tap was not recorded."""
    return Missing(MissingCode.NO_RECORDING, msg("the take has no `{tap}` recording", tap=tap.value))


def no_prompt_on(tap: Tap) -> Missing:
    """Return the reason that a tap has no recording of a turn's prompt."""
    return Missing(MissingCode.NO_TURN, msg("`{tap}` has no prompt in this turn", tap=tap.value))


def no_reply_on(tap: Tap) -> Missing:
    """Return the reason that a tap has no recording of a turn's reply."""
    return Missing(MissingCode.NO_TURN, msg("`{tap}` has no reply in this turn", tap=tap.value))


def too_short(text: str) -> Missing:
    """Return the reason that there is less sound than the metric needs."""
    return Missing(MissingCode.TOO_SHORT, text)


def wrong_speed(ratio: float) -> Missing:
    """Return the reason that a segment changes the speed."""
    text = msg("the speed differs by {number:+.1f} %, which has to be repaired first", number=100 * (ratio - 1))
    return Missing(MissingCode.WRONG_SPEED, text)
