"""What models of opinion scores say of a recording: DNSMOS, PESQ and ViSQOL. Information beside our measures.

They come with the extra `mos` and are imported when they are asked for. No rule, verdict or exit code reads them: most
faults of a voice's way to the ear leave their scores as they are (docs/mos.md).
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Reading, Tier, not_measured
from diag.measure.metrics.sounds import sound

UNIT = "MOS"
INSTALL = "pip install 'diag[mos]'"
SHORTEST_S, LONGEST_S = 1.0, 60.0
"""DNSMOS looks at 9 s (it repeats what is shorter) and ViSQOL at patches of 0.6 s; a minute takes them 13 s each."""
_WIDEBAND_HZ, _FULLBAND_HZ = 16000, 48000
_DNSMOS_SCORES = {
    "dnsmos_sig": "sig_mos",
    "dnsmos_bak": "bak_mos",
    "dnsmos_ovrl": "ovrl_mos",
    "dnsmos_p808": "p808_mos",
}


def dnsmos(clip: Clip) -> dict[str, Reading]:
    """Scores of DNSMOS (P.835: speech, background, overall; P.808: overall), 1 to 5, from the recording alone.

    Parameters
    ----------
    clip : Clip
        1 to 60 s, any rate; the model sees what is left of it at 16 kHz.

    Returns
    -------
    dict of str to Reading
        `dnsmos_sig`, `dnsmos_bak`, `dnsmos_ovrl`, `dnsmos_p808`; a reason where the package is missing, or the clip
        is silent, too short or too long.

    References
    ----------
    Reddy et al., DNSMOS P.835, ICASSP 2022.
    """
    missing = _unfit(clip, "the recording")
    if missing is None:
        with _quiet():
            model = _imported("speechmos.dnsmos")
            if not isinstance(model, Missing):
                scores = model.run(np.clip(_at_rate(clip, _WIDEBAND_HZ), -1.0, 1.0), _WIDEBAND_HZ)
                return {
                    name: Reading(value=float(scores[key]), tier=Tier.BLIND) for name, key in _DNSMOS_SCORES.items()
                }
        missing = model
    return dict.fromkeys(_DNSMOS_SCORES, not_measured(missing, Tier.BLIND))


def pesq_wb(reference: Clip, estimated: Clip) -> Reading:
    """PESQ, wide band (P.862.2): 1.04 to 4.64, from both recordings at 16 kHz, so blind above 8 kHz.

    Parameters
    ----------
    reference, estimated : Clip
        1 to 60 s, any rates.
    """

    def score() -> Reading:
        model = _imported("pesq")
        if isinstance(model, Missing):
            return not_measured(model)
        try:
            value = model.pesq(_WIDEBAND_HZ, _at_rate(reference, _WIDEBAND_HZ), _at_rate(estimated, _WIDEBAND_HZ), "wb")
        except (model.PesqError, ValueError) as error:
            # Its messages are bytes.
            message = error.args[0] if error.args else error
            text = message.decode() if isinstance(message, bytes) else message
            return not_measured(_refused(msg("PESQ refused: {text}", text=str(text))))
        return Reading(value=float(value))

    return _of_pair(reference, estimated, score)


def visqol(reference: Clip, estimated: Clip) -> Reading:
    """ViSQOL in its audio mode: 1 to 4.73, from both recordings at 48 kHz and up to 15 kHz.

    Its speech mode sees nothing above 8 kHz.

    Parameters
    ----------
    reference, estimated : Clip
        1 to 60 s, any rates.
    """

    def score() -> Reading:
        model = _visqol_model()
        if isinstance(model, Missing):
            return not_measured(model)
        # Float64, as its filters want it.
        pair = (_at_rate(clip, _FULLBAND_HZ).astype(np.float64) for clip in (reference, estimated))
        try:
            value = float(model.measure_from_arrays(*pair, sample_rate=_FULLBAND_HZ).moslqo)
        except (ValueError, RuntimeError) as error:
            return not_measured(_refused(msg("ViSQOL refused: {error}", error=str(error))))
        return Reading(value=value) if np.isfinite(value) else not_measured(_refused(msg("ViSQOL gave no number")))

    return _of_pair(reference, estimated, score)


def opinions(clip: Clip, reference: Clip | None = None) -> Measurements:
    """Return every score of a recording, those against the reference only where there is one."""
    found = dnsmos(clip)
    if reference is not None:
        found |= {"pesq_wb": pesq_wb(reference, clip), "visqol": visqol(reference, clip)}
    return _measurements(found)


def unscored(missing: Missing, *, against: bool) -> Measurements:
    """Return the reason in place of every score; those of a pair only where there is a reference."""
    found = dict.fromkeys(_DNSMOS_SCORES, not_measured(missing, Tier.BLIND))
    if against:
        found |= dict.fromkeys(("pesq_wb", "visqol"), not_measured(missing))
    return _measurements(found)


def _measurements(found: Mapping[str, Reading]) -> Measurements:
    return Measurements(
        tuple(
            Measurement(metric=name, unit=UNIT, value=reading.value, missing=reading.missing, tier=reading.tier)
            for name, reading in found.items()
        )
    )


def _of_pair(reference: Clip, estimated: Clip, score: Callable[[], Reading]) -> Reading:
    missing = _unfit(reference, "the reference") or _unfit(estimated, "the recording")
    if missing is not None:
        return not_measured(missing)
    with _quiet():
        return score()


def too_long(what: str) -> Missing:
    """Return the reason that a recording is longer than the models take."""
    return Missing(
        MissingCode.TOO_LONG,
        msg("{what} is longer than {longest_s:g} s; cut a passage out of it", what=what, longest_s=LONGEST_S),
    )


def _unfit(clip: Clip, what: str) -> Missing | None:
    if clip.duration_s < SHORTEST_S:
        return Missing(
            MissingCode.TOO_SHORT, msg("{what} is shorter than {shortest_s:g} s", what=what, shortest_s=SHORTEST_S)
        )
    if clip.duration_s > LONGEST_S:
        return too_long(what)
    return (
        None if sound(clip).spectrum.active.any() else Missing(MissingCode.SILENT, msg("{what} is silent", what=what))
    )


def _refused(text: str) -> Missing:
    return Missing(MissingCode.REFUSED, text)


def _at_rate(clip: Clip, rate_hz: int) -> NDArray[np.float32]:
    import soxr

    mono = sound(clip).samples
    return np.asarray(mono if clip.sample_rate_hz == rate_hz else soxr.resample(mono, clip.sample_rate_hz, rate_hz))


def _imported(name: str) -> Any:
    """Return the module, or why it is not there."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        text = msg("the package `{name}` is not installed: {install}", name=error.name or name, install=INSTALL)
        return Missing(MissingCode.NOT_INSTALLED, text)


@cache
def _visqol_model() -> Any:
    module = _imported("visqol")
    if isinstance(module, Missing):
        return module
    model = module.VisqolApi()
    model.create(mode="audio")
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """The models warn of their own arithmetic and of unequal lengths; what matters of it is in the reading."""
    log = logging.getLogger("visqol")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
