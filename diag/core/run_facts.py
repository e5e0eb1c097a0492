"""A saved run in short, as the history needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """One saved run in short.

    Parameters
    ----------
    folder : str
        Name of the run folder.
    name : str
        Name of the configuration.
    made : str
        When it was recorded, in UTC.
    revision : str
        Revision of the user's repository; empty if there was none.
    conditions : mapping of str to str
        What makes values incomparable if it differs: model, SDK, endpoint, machine, audio, devices, diag.
    takes : int
        Number of takes that count.
    values : mapping of str to [float, int]
        Median over these takes and number of values, by "metric hop tap" ("-" where there is no hop or tap).
    """

    folder: str
    name: str
    made: str
    revision: str
    conditions: Mapping[str, str]
    takes: int
    values: Mapping[str, tuple[float, int]]
