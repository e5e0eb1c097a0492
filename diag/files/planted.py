"""One planted fault of a configuration (`[[faults.planted]]`): its hop, its kind, its times and its strength."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from diag.core.client_config import ConfigModel

HopName = Literal["microphone", "sender", "player", "speaker"]

Kind = Literal[
    "rate",
    "stretch",
    "low-pass",
    "squeeze",
    "stall",
    "skip",
    "repeat",
    "swap",
    "overlap",
    "clicks",
    "clip",
    "imaging",
    "aliasing",
    "bytes",
    "silent",
    "level",
    "noise",
    "hum",
    "tone",
    "dc",
    "overdrive",
    "wrap",
    "few-bits",
    "echo",
    "leak",
    "pace",
    "late",
    "no-flush",
]

Reading = Literal[
    "odd-byte", "big-endian", "int16-as-float", "float32-as-int16", "mulaw", "stereo-as-mono", "wav-header"
]

_PLACE = ("at_s", "for_s")
_PLACES = (*_PLACE, "every_s", "count")

TAKES: Mapping[str, tuple[str, ...]] = {
    "rate": ("ratio",),
    "stretch": ("ratio",),
    "low-pass": ("cutoff_hz",),
    "squeeze": ("through_hz",),
    "stall": _PLACES,
    "skip": _PLACES,
    "repeat": _PLACES,
    "swap": _PLACES,
    "overlap": _PLACES,
    "clicks": ("at_s", "every_s", "count", "level_dbfs"),
    "clip": (*_PLACE, "gain_db"),
    "imaging": ("factor", "form"),
    "aliasing": ("factor",),
    "bytes": ("at_s", "reading", "every_s"),
    "silent": _PLACE,
    "level": (*_PLACE, "gain_db"),
    "noise": (*_PLACE, "level_dbfs"),
    "hum": (*_PLACE, "level_dbfs", "frequency_hz"),
    "tone": (*_PLACE, "level_dbfs", "frequency_hz"),
    "dc": (*_PLACE, "level_dbfs"),
    "overdrive": (*_PLACE, "gain_db"),
    "wrap": (*_PLACE, "gain_db"),
    "few-bits": (*_PLACE, "bits"),
    "echo": ("delay_s", "gain_db"),
    "leak": ("delay_s", "gain_db"),
    "pace": ("ratio",),
    "late": ("for_s",),
    "no-flush": (),
}
"""Keys that each kind accepts besides `hop`, `kind` and `seed`."""

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "rate": ("ratio",),
    "stretch": ("ratio",),
    "low-pass": ("cutoff_hz",),
    "squeeze": ("through_hz",),
    "stall": ("for_s",),
    "repeat": ("for_s",),
    "swap": ("for_s",),
    "overlap": ("for_s",),
    "bytes": ("reading",),
    "level": ("gain_db",),
    "noise": ("level_dbfs",),
    "hum": ("level_dbfs",),
    "tone": ("level_dbfs",),
    "dc": ("level_dbfs",),
    "clip": ("gain_db",),
    "overdrive": ("gain_db",),
    "wrap": ("gain_db",),
    "few-bits": ("bits",),
    "echo": ("delay_s", "gain_db"),
    "leak": ("gain_db",),
    "pace": ("ratio",),
    "late": ("for_s",),
}
_ONLY_ON: Mapping[str, HopName] = {"leak": "microphone", "pace": "sender", "late": "player", "no-flush": "player"}


class Planted(ConfigModel):
    """One planted fault on one hop. docs/configuration.md describes every kind and its keys.

    Without `at_s` the fault begins at the first sample. Without `for_s` it lasts to the end.

    Parameters
    ----------
    hop : str
        Hop with the fault: "microphone", "sender", "player" or "speaker".
    kind : str
        Kind of fault; the allowed keys are in `TAKES`.
    at_s, for_s : float
        Start of the fault, counted from the first sound above -50 dBFS on this hop, and its duration.
    every_s, count : float, int
        Time from one occurrence to the next, and the number of occurrences.
    ratio : float
        Speed relative to the correct one; above 1 is faster.
    gain_db, level_dbfs : float
        Strength of the fault, relative to the sound or to full scale.
    seed : int
        Seed of the random numbers (noise).
    """

    hop: HopName
    kind: Kind
    at_s: float | None = Field(None, ge=0, le=600)
    for_s: float | None = Field(None, gt=0, le=600)
    every_s: float | None = Field(None, gt=0, le=600)
    count: int = Field(1, ge=1, le=10000)
    ratio: float | None = Field(None, ge=0.2, le=5)
    cutoff_hz: float | None = Field(None, ge=50, le=96000)
    through_hz: int | None = Field(None, ge=4000, le=48000)
    frequency_hz: float | None = Field(None, ge=10, le=96000)
    factor: int | None = Field(None, ge=2, le=12)
    form: Literal["repeat", "linear"] | None = None
    reading: Reading | None = None
    bits: int | None = Field(None, ge=1, le=15)
    gain_db: float | None = Field(None, ge=-120, le=60)
    level_dbfs: float | None = Field(None, ge=-120, le=0)
    delay_s: float | None = Field(None, ge=0, le=5)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Planted:
        takes = ("hop", "kind", "seed", *TAKES[self.kind])
        for name in self.model_fields_set:
            # A saved configuration has every key, unused ones at their defaults.
            if name not in takes and getattr(self, name) != type(self).model_fields[name].default:
                close = difflib.get_close_matches(name, TAKES[self.kind], n=1)
                hint = f" (did you mean `{close[0]}`?)" if close else ""
                allowed = ", ".join(TAKES[self.kind]) or "nothing more"
                raise ValueError(f"kind `{self.kind}` takes no `{name}`{hint}; allowed: {allowed}")
        missing = [name for name in _NEEDS.get(self.kind, ()) if getattr(self, name) is None]
        if missing:
            raise ValueError(f"kind `{self.kind}` needs `{missing[0]}`; allowed: {', '.join(TAKES[self.kind])}")
        only = _ONLY_ON.get(self.kind)
        if only is not None and self.hop != only:
            raise ValueError(f"kind `{self.kind}` on the {self.hop}; allowed: hop = {only!r}")
        if self.count > 1 and self.every_s is None:
            raise ValueError("`count` without `every_s`; allowed: every_s = seconds from one to the next")
        return self
