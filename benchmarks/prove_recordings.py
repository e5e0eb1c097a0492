"""Findings on lone recordings, proven: a fault is planted into a recorded reply, written as a file, and analysed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diag.api.analyze import analyze
from diag.api.voice import make_voice, save_voice
from diag.core.clip import Clip, Samples
from diag.core.results import Severity
from diag.files.audio_files import encode_wav, read_wav
from diag.files.planted import Planted
from diag.files.scenario_folders import built_in_folder
from diag.record.client.impairments import planted_chain


@dataclass(frozen=True)
class Recorded:
    """One fault of a recording.

    Parameters
    ----------
    planted : sequence of mapping
        Of `[[faults.planted]]`, without a hop.
    replies : tuple of str
        Which recorded replies, one behind the other.
    voice : str
        Replies of this voice make the profile that it is held against; empty for none.
    """

    code: str
    planted: Sequence[Mapping[str, Any]]
    replies: tuple[str, ...] = ("hearing_you_well",)
    voice: str = ""


SLT = ("hearing_you_well", "take_the_express", "say_it_again")
RECORDINGS = (
    Recorded("REC001", [{"kind": "silent"}]),
    Recorded("REC002", [{"kind": "level", "gain_db": -50}]),
    Recorded("REC003", [{"kind": "clip", "gain_db": 20}]),
    Recorded("REC004", [{"kind": "silent", "at_s": at_s, "for_s": 0.06} for at_s in (0.5, 0.9, 1.5, 2.1)]),
    Recorded("REC005", [{"kind": "clicks", "at_s": 0.2, "every_s": 0.13, "count": 14, "level_dbfs": -3}]),
    Recorded("REC006", [{"kind": "squeeze", "through_hz": 8000}]),
    Recorded("REC007", [{"kind": "imaging", "factor": 2, "form": "linear"}]),
    Recorded("REC008", [{"kind": "bytes", "reading": "odd-byte", "at_s": 0.5}]),
    Recorded("REC009", [{"kind": "tone", "level_dbfs": -20, "frequency_hz": 440}]),
    Recorded("REC010", [{"kind": "rate", "ratio": 0.667}], SLT),
    Recorded("REC011", [{"kind": "dc", "level_dbfs": -20}]),
    Recorded("REC012", [{"kind": "low-pass", "cutoff_hz": 3000}], SLT, voice="slt"),
    Recorded("REC013", [{"kind": "rate", "ratio": 0.85}], SLT, voice="slt"),
    Recorded("REC014", [], ("table_is_booked", "sunny_in_seoul", "so_be_it"), voice="slt"),
)


def prove_recordings(only: Sequence[str], scratch: Path) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Give name, code, first finding and other roots of each recording."""
    profile = None
    for item in RECORDINGS:
        if only and item.code not in only:
            continue
        samples, rate_hz = _speech(item.replies)
        chain = planted_chain([Planted(hop="player", **fault) for fault in item.planted], rate_hz)
        faulty = np.concatenate((chain.push(samples), chain.finish()))
        path = scratch / f"{item.code.lower()}.wav"
        path.write_bytes(encode_wav(Clip(samples=faulty, sample_rate_hz=rate_hz), pcm16=True))
        if item.voice and profile is None:
            profile = save_voice(make_voice([_path(name) for name in SLT], name="slt").profile, scratch / "slt.json")
        found = [
            finding
            for finding in analyze(path, voice=profile if item.voice else None).findings
            if finding.severity is not Severity.INFO
        ]
        roots = [finding.code for finding in found if finding.consequence_of is None]
        yield (
            item.code.lower(),
            item.code,
            roots[0] if roots else "",
            tuple(code for code in roots if code != item.code),
        )


def _path(name: str) -> Path:
    return built_in_folder() / "replies" / f"{name}.wav"


def _speech(names: Sequence[str]) -> tuple[Samples, int]:
    clips = [read_wav(_path(name)) for name in names]
    return np.concatenate([clip.samples for clip in clips]), clips[0].sample_rate_hz
