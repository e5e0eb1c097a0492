"""The script of a conversation (`[[turns]]`): what the user says or does, one step after the other."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from diag.core.client_config import ConfigModel

BACK_CHANNEL = "mm_hmm"
"""Prompt of a back-channel that names none."""
BETWEEN_TURNS_S = 0.3
"""Usual pause between the end of a reply and the next prompt."""


class StepKind(StrEnum):
    """What the user does in one step of a conversation."""

    PROMPT = "prompt"
    """Speaks after the reply has ended."""
    BARGE_IN = "barge_in"
    """Speaks while the reply is played, and expects an answer to this."""
    BACK_CHANNEL = "back_channel"
    """Says a short word such as "mm-hmm" while the reply is played, and expects the reply to go on."""
    NOISE = "noise"
    """Makes a burst of noise, and expects nothing."""
    SILENCE = "silence"
    """Says nothing for a while after the reply has ended."""


class ScriptedStep(ConfigModel):
    """One `[[turns]]` table: one step of a conversation.

    Parameters
    ----------
    kind : StepKind
        What the user does.
    say : str or None
        Name of a prompt, or path of a recording, for the kinds that speak.
    at_s : float or None
        For a step during a reply: how long after the beginning of the reply the sound begins.
    at_share : float or None
        In place of `at_s`: the share of the reply that has been played by then. The length of a reply is only known
        once all of it has been received, so the step never begins earlier than that.
    after_s : float
        For a step after a reply: the pause before it.
    for_s : float or None
        Length of noise or silence.
    level_dbfs : float
        RMS level of noise.
    """

    kind: StepKind = StepKind.PROMPT
    say: str | None = Field(None, min_length=1)
    at_s: float | None = Field(None, ge=0, le=600)
    at_share: float | None = Field(None, ge=0, le=1)
    after_s: float = Field(BETWEEN_TURNS_S, ge=0, le=600)
    for_s: float | None = Field(None, gt=0, le=600)
    level_dbfs: float = Field(-30.0, ge=-90, le=-6)

    @model_validator(mode="before")
    @classmethod
    def _with_usual_sound(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("kind") == StepKind.BACK_CHANNEL:
            return {"say": BACK_CHANNEL, **values}
        return values

    @model_validator(mode="after")
    def _fits_its_kind(self) -> ScriptedStep:
        kind = self.kind
        if self.at_s is not None and self.at_share is not None:
            raise ValueError("`at_s` and `at_share` together; allowed: one of them")
        speaks = kind in (StepKind.PROMPT, StepKind.BARGE_IN, StepKind.BACK_CHANNEL)
        if speaks and self.say is None:
            raise ValueError(f"kind `{kind}` without `say`; allowed: say = the name of a prompt, or an audio file")
        if not speaks and self.say is not None:
            raise ValueError(f"kind `{kind}` with `say`; allowed: `say` for prompt, barge_in and back_channel")
        if not speaks and self.for_s is None:
            raise ValueError(f"kind `{kind}` without `for_s`; allowed: for_s = its length in seconds")
        if kind in (StepKind.BARGE_IN, StepKind.BACK_CHANNEL) and not self.during_reply:
            raise ValueError(f"kind `{kind}` without a time; allowed: at_s = seconds, or at_share = 0 to 1")
        if kind in (StepKind.PROMPT, StepKind.SILENCE) and self.during_reply:
            raise ValueError(f"kind `{kind}` during a reply; allowed there: barge_in, back_channel, noise")
        return self

    @property
    def during_reply(self) -> bool:
        """Whether the step takes place while the reply is played."""
        return self.at_s is not None or self.at_share is not None

    @property
    def is_turn(self) -> bool:
        """Whether the step begins a turn, which the service is expected to answer."""
        return self.kind in (StepKind.PROMPT, StepKind.BARGE_IN)
