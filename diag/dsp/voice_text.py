"""A voice profile as text: JSON with whole decibels. Without the sample it has less than 200 kB."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.core.json_reading import read_json
from diag.dsp.dullness import BANDS_HZ
from diag.dsp.profile import FRAMES_KEPT, Usual, VoiceProfile, VoiceSource
from diag.dsp.voice_frames import BANDS, VoiceFrames

PROFILE_VERSION = 2
"""Version 2 adds pitch, source and sample. Profiles of version 1 are read without them."""
_LONGEST_NAME = 200
_USUAL_VALUES = 3


def profile_to_json(profile: VoiceProfile) -> str:
    """Return the profile as JSON text."""
    document: dict[str, Any] = {
        "voice_profile": PROFILE_VERSION,
        "name": profile.name,
        "duration_s": round(profile.duration_s, 2),
        "recordings": list(profile.recordings),
        "top_hz": profile.frames.top_hz,
        "apart_db": round(profile.apart_db, 3),
        "speed_spread": _rounded(profile.speed_spread, 4),
        "treble_spread_db": _rounded(profile.treble_spread_db, 2),
        "usual": {item.metric: _rounded_values(item) for item in profile.usual},
        "pitch_octaves": _rounded(profile.pitch_octaves, 3),
        "distance_spread_db": _rounded(profile.distance_spread_db, 2),
        "source": None if profile.source is None else vars(profile.source),
        "sample_flac": base64.b64encode(profile.sample).decode("ascii"),
        "noise_db": np.round(profile.frames.noise_db, 1).tolist(),
        "treble_db": np.rint(profile.frames.treble_db).astype(int).tolist(),
        "bands_db": np.rint(profile.frames.bands_db).astype(int).tolist(),
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def profile_from_json(text: str) -> VoiceProfile:
    """Parse a profile from JSON text.

    Raises
    ------
    ValueError
        If the text is not a profile, is damaged, or has a newer version. The message says which.
    """
    try:
        document = read_json(text)
    except json.JSONDecodeError:
        raise ValueError("it is not JSON, or it was cut off") from None
    version = document.get("voice_profile") if isinstance(document, dict) else None
    if version is None:
        raise ValueError("it is not a voice profile")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"it has a damaged version ({version!r})")
    if version > PROFILE_VERSION:
        raise ValueError(f"it is a profile of version {version}, made by a newer diag")
    try:
        return _read(document)
    except KeyError as error:
        raise ValueError(f"it is damaged: {error.args[0]} is missing") from None
    except (TypeError, OverflowError) as error:
        raise ValueError(f"it is damaged: {error}") from None


def _read(document: dict[str, Any]) -> VoiceProfile:
    bands = _array(document, "bands_db", (None, BANDS))
    treble = _array(document, "treble_db", (bands.shape[0], len(BANDS_HZ)))
    noise = _array(document, "noise_db", (len(BANDS_HZ),))
    names = document["recordings"]
    if not isinstance(names, list) or not all(isinstance(item, str) for item in names):
        raise ValueError("it is damaged: recordings are not names")
    return VoiceProfile(
        str(document["name"])[:_LONGEST_NAME],
        _number(document, "duration_s"),
        tuple(names),
        VoiceFrames(bands, treble, noise, _number(document, "top_hz")),
        _number(document, "apart_db"),
        _number_or_none(document, "speed_spread"),
        _number_or_none(document, "treble_spread_db"),
        usual=_usual(document.get("usual", {})),
        **(_since_version_2(document) if document["voice_profile"] >= 2 else {}),
    )


def _usual(found: object) -> tuple[Usual, ...]:
    if not isinstance(found, dict):
        raise TypeError("usual is not a table")
    for metric, values in found.items():
        whole = isinstance(values, list) and len(values) == _USUAL_VALUES
        if not whole or not all(_finite(value) for value in values):
            raise ValueError(f"it is damaged: usual.{metric} is {values!r}")
    return tuple(Usual(str(metric), *map(float, values)) for metric, values in found.items())


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _since_version_2(document: dict[str, Any]) -> dict[str, Any]:
    source = document["source"]
    if source is not None:
        try:
            source = VoiceSource(**{key: str(source[key])[:_LONGEST_NAME] for key in VoiceSource.__annotations__})
        except (TypeError, KeyError):
            raise ValueError("it is damaged: source is not a table of names") from None
    try:
        sample = base64.b64decode(document["sample_flac"], validate=True)
    except ValueError:
        raise ValueError("it is damaged: sample_flac is not base64") from None
    numbers = {key: _number_or_none(document, key) for key in ("pitch_octaves", "distance_spread_db")}
    return {**numbers, "source": source, "sample": sample}


def _array(document: dict[str, Any], key: str, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    try:
        found = np.array(document[key], dtype=np.float64)
    except ValueError:
        raise ValueError(f"it is damaged: {key} is not a table of numbers") from None
    fits = found.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, found.shape, strict=True))
    if not fits or not 0 < found.shape[0] <= 10 * FRAMES_KEPT or not np.isfinite(found).all():
        raise ValueError(f"it is damaged: {key} has the shape {found.shape}, or numbers that are not finite")
    return found


def _number(document: dict[str, Any], key: str) -> float:
    value = document[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"it is damaged: {key} is {value!r}")
    return float(value)


def _number_or_none(document: dict[str, Any], key: str) -> float | None:
    return None if document[key] is None else _number(document, key)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _rounded_values(item: Usual) -> list[float]:
    return [round(value, 4) for value in (item.middle, item.low, item.high)]
