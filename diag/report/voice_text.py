"""Text and JSON of `diag voice`: the contents of a profile, doubts about it, and recordings that were left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diag.core.results import SCHEMA_VERSION
from diag.core.states import State
from diag.dsp.profile import VoiceProfile
from diag.measure.voice_making import PLENTY_S, Given, MadeVoice
from diag.report.sentences import plural
from diag.report.wrapping import wrapped

WIDE_SPEED, WIDE_TREBLE_DB = 0.02, 2.0
"""If the recordings of a profile differ by more than this, the limits of a verdict are raised."""
_NARROW_HZ = 10_800 / 0.95
"""A Nyquist frequency below this leaves the highest treble band unmeasured."""


def made_text(made: MadeVoice, path: Path, *, width: int = 80) -> str:
    """Return the text for a new profile: its contents, the recordings used, and whether they are enough."""
    lines = _holds(made.profile, f"{path} holds", width)
    for item in made.recordings:
        state = State.WATCH if item.left_out else State.GOOD
        lines += wrapped(f"  {state.shape} {item.name}  {_of(item)}", width, later="      ")
    return "\n".join(
        [*lines, "", f"use it with `diag run CONFIG --voice {path}`, or with `diag analyze WAV --voice {path}`"]
    )


def profile_text(profile: VoiceProfile, *, width: int = 80) -> str:
    """Return the contents of a profile and the recordings that it was made from."""
    lines = _holds(profile, "The profile holds", width)
    if profile.source is not None:
        lines += wrapped(f"  {voice_origin(profile)}", width, later="    ")
    for name in profile.recordings:
        lines += wrapped(f"  made from {name}", width, later="    ")
    return "\n".join(lines)


def voice_origin(profile: VoiceProfile) -> str:
    """Return in words where the recordings of a profile came from."""
    source = profile.source
    if source is None:
        count = len(profile.recordings)
        return f"from the profile, made from {count} {plural(count, 'recording')}"
    return f"spoken by {source.model} ({source.endpoint}), {source.made[:10]}"


def _holds(profile: VoiceProfile, begin: str, width: int) -> list[str]:
    count = len(profile.recordings)
    said = (
        f"{begin} the voice {profile.name}: {profile.duration_s:.0f} s of speech from {count} "
        f"{plural(count, 'recording')}, up to {profile.frames.top_hz / 1000:.1f} kHz."
    )
    doubts = _doubts(profile)
    lines = wrapped(f"{(State.WATCH if doubts else State.GOOD).shape} {said}", width, later="  ")
    lines += wrapped(f"  {_agreement(profile)}", width, later="  ")
    for doubt in doubts:
        lines += wrapped(f"  {State.WATCH.shape} {doubt}", width, later="    ")
    return lines


def _agreement(profile: VoiceProfile) -> str:
    parts = [
        f"within {100 * profile.speed_spread:.1f} % in speed" if profile.speed_spread is not None else "",
        f"{profile.treble_spread_db:.1f} dB in treble" if profile.treble_spread_db is not None else "",
    ]
    known = " and ".join(part for part in parts if part)
    return f"Its pieces agree {known} (root mean square)." if known else "Its pieces are too short to be compared."


def _doubts(profile: VoiceProfile) -> list[str]:
    doubts = []
    if profile.duration_s < PLENTY_S:
        doubts.append(f"it has little speech: {PLENTY_S:.0f} s would make its measures more reliable")
    if profile.speed_spread is not None and profile.speed_spread > WIDE_SPEED:
        doubts.append(
            f"its recordings differ in speed or pitch: less than {200 * profile.speed_spread:.0f} % is not reported"
        )
    if profile.treble_spread_db is not None and profile.treble_spread_db > WIDE_TREBLE_DB:
        doubts.append(
            f"its recordings differ in treble: less than {2 * profile.treble_spread_db:.0f} dB is not reported"
        )
    if profile.frames.top_hz < _NARROW_HZ:
        doubts.append(
            f"its recordings end at {profile.frames.top_hz / 1000:.1f} kHz: treble lost above that is not "
            "detected; use recordings of 24000 Hz"
        )
    return doubts


def _of(item: Given) -> str:
    if item.left_out:
        return f"left out: it {item.left_out}"
    parts = [f"{item.speech_s:.1f} s of speech"]
    if item.edge_hz is not None:
        parts.append(f"up to {item.edge_hz / 1000:.1f} kHz")
    if item.speed is not None:
        parts.append(f"speed {100 * (item.speed - 1):+.1f} %")
    if item.treble_db is not None:
        parts.append(f"treble {0.0 - round(item.treble_db, 1):+.1f} dB against the others")
    return ", ".join(parts)


def made_document(made: MadeVoice, path: Path) -> dict[str, Any]:
    """Return the JSON document of `diag voice make --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "profile": str(path),
        "name": made.profile.name,
        "source": None if made.profile.source is None else vars(made.profile.source),
        "speech_s": made.profile.duration_s,
        "top_hz": made.profile.frames.top_hz,
        "speed_spread": made.profile.speed_spread,
        "treble_spread_db": made.profile.treble_spread_db,
        "doubts": _doubts(made.profile),
        "recordings": [
            {
                "name": item.name,
                "speech_s": item.speech_s,
                "edge_hz": item.edge_hz,
                "rate_ratio": item.speed,
                "dullness_db": item.treble_db,
                "left_out": item.left_out or None,
            }
            for item in made.recordings
        ],
    }
