"""Audio in the report: which clips, how much of each, and whether inside the file or beside it.

All audio is lossless 16-bit FLAC. A lossy format would change the clicks, gaps and clipped samples that a finding
points to.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from diag.core.chain import Hop, Tap
from diag.core.clip import Clip
from diag.core.results import RunResult, Spot
from diag.dsp.level import peak_dbfs
from diag.dsp.speech import active_level_dbfs, first_audible_frame
from diag.files.audio_files import encode_flac
from diag.report.picks import Pick, span_of, stretch
from diag.report.svg import envelope, peaks

Embed = Literal["evidence", "all", "none"]

EVIDENCE_CLIPS = 12
EVIDENCE_S = 6.0
SMALL_BYTES = 1_900_000
"""Target size of a report with `--embed evidence`. A page of this size opens at once on a phone."""
RUN_BYTES = 100_000
"""Approximate size of the texts, tables and drawings of one run, measured on eleven runs of five takes."""
BESIDE_BYTES = 10_000_000
"""Above this size audio is written to files beside the report, because browsers are slow with larger pages."""

LARGE_BYTES = 5_000_000
"""Above this size of audio the report mentions it."""

WAVE_WIDTH = 1000.0
WAVE_HEIGHT = 60.0
_WAVE_COLUMNS = 150
_LOUD_DBFS = -14.0
_LEAD_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Player:
    """One clip to listen to, or the reason why it is not in the report.

    `tap` is None for the sample of a voice profile. `origin` is the take or the profile that it comes from.
    """

    id: str
    run: str
    label: str
    style: str
    origin: str
    tap: Tap | None
    src: str | None
    same_as: str | None
    left_out: str | None
    note: str
    facts: str
    wave: str
    duration_s: float
    offset_s: float
    level_dbfs: float | None
    onset_s: float | None
    loud: bool


@dataclass(frozen=True)
class _Wish:
    index: int
    run: RunResult
    pick: Pick
    tap: Tap
    spots: tuple[Spot, ...]


Players = Mapping[tuple[int, Tap | None], Player]
"""Players by index of the run in the report (two runs may share a name) and tap; None is the voice of the profile."""


@dataclass(frozen=True)
class VoiceSample:
    """The sample of a voice profile: the name of the voice, what the profile says of its origin, and the sound."""

    name: str
    origin: str
    clip: Clip


def players_of(
    picks: Sequence[tuple[int, RunResult, Pick]],
    embed: Embed,
    out: Path,
    voices: Mapping[int, VoiceSample] | None = None,
) -> dict[tuple[int, Tap | None], Player]:
    """Return players for the taps of each run, the most relevant ones first while there is room.

    Parameters
    ----------
    picks : sequence of (int, RunResult, Pick)
        Runs with their index in the report, in the order in which their audio is embedded.
    embed : {"evidence", "all", "none"}
        "evidence" keeps at most 12 clips of 6 s; "all" every tap of the take shown, in full; "none" no audio.
    out : Path
        Where the report will be written; audio that does not fit goes into a folder beside it.
    voices : mapping of int to VoiceSample, optional
        Samples of the voices that runs were compared with, by index of the run. They come first.
    """
    players: dict[tuple[int, Tap | None], Player] = {}
    by_hash: dict[str, str] = {}
    data: dict[str, bytes] = {}
    spent = 0
    room = SMALL_BYTES - RUN_BYTES * len(picks)
    for number, (key, draft, cut) in enumerate(_drafts(picks, embed, voices or {}), start=1):
        player = replace(draft, id=f"clip-{number}")
        if embed == "none":
            players[key] = replace(player, left_out="audio was not asked for (--embed none)")
            continue
        flac = encode_flac(cut)
        digest = hashlib.sha256(flac).hexdigest()
        if digest in by_hash:
            players[key] = replace(player, same_as=by_hash[digest])
            continue
        size = len(flac) * 4 // 3
        if embed == "evidence" and (len(data) >= EVIDENCE_CLIPS or spent + size > room):
            players[key] = replace(player, left_out="left out to keep this file small (--embed all)")
            continue
        spent += size
        by_hash[digest] = player.id
        data[player.id] = flac
        players[key] = player
    beside = out.with_name(f"{out.stem}_audio") if spent > BESIDE_BYTES else None
    return {
        key: replace(player, src=_source(player.id, data[player.id], beside)) if player.id in data else player
        for key, player in players.items()
    }


def _drafts(
    picks: Sequence[tuple[int, RunResult, Pick]], embed: Embed, voices: Mapping[int, VoiceSample]
) -> Iterator[tuple[tuple[int, Tap | None], Player, Clip]]:
    """Yield the players that are wanted and their audio, the most relevant ones first; they have no id yet."""
    for index, run, _ in picks:
        sample = voices.get(index)
        if sample is not None:
            whole = sample.clip
            cut = whole if embed == "all" else whole.slice(0, round(EVIDENCE_S * whole.sample_rate_hz))
            player = _player(run, f"voice {sample.name}", "voice", sample.origin, cut, note="")
            yield (index, None), player, cut
    for wish in _wishes(picks, embed):
        clip = stretch(wish.pick.take, wish.pick.turn, wish.tap)
        if clip is not None:
            cut, start_s = (clip, 0.0) if embed == "all" else _evidence(clip, wish)
            yield (wish.index, wish.tap), _described(wish, clip, cut, start_s), cut


def size_note(players: Players) -> str:
    """Return a note if audio is beside the file or makes it large; otherwise an empty string."""
    sources = [player.src for player in players.values() if player.src]
    inside = sum(len(source) for source in sources if source.startswith("data:"))
    if sources and not inside:
        folder = sources[0].split("/", 1)[0]
        return f"The audio is in the folder {folder} beside this file: move both together."
    if inside > LARGE_BYTES:
        return f"This file contains {inside / 1e6:.0f} MB of audio; `--embed evidence` makes a smaller one."
    return ""


def _source(name: str, flac: bytes, beside: Path | None) -> str:
    if beside is None:
        return f"data:audio/flac;base64,{base64.b64encode(flac).decode('ascii')}"
    beside.mkdir(parents=True, exist_ok=True)
    (beside / f"{name}.flac").write_bytes(flac)
    return f"{beside.name}/{name}.flac"


def _wishes(picks: Sequence[tuple[int, RunResult, Pick]], embed: Embed) -> list[_Wish]:
    """Return the clips wanted for each run; the first clip of every run comes before the second of any run."""
    ranked = [[(index, run, chosen, tap) for tap in _taps(run, embed)] for index, run, chosen in picks]
    rounds = max((len(taps) for taps in ranked), default=0)
    ordered = [taps[index] for index in range(rounds) for taps in ranked if index < len(taps)]
    return [_Wish(index, run, chosen, tap, _spots(run, tap)) for index, run, chosen, tap in ordered]


def _taps(run: RunResult, embed: Embed) -> tuple[Tap, ...]:
    """Return taps, most relevant first: `heard`, then the output and the input of each faulty hop."""
    if embed == "all":
        return tuple(Tap)
    faulty: list[Tap] = []
    for found in run.findings:
        hop = found.finding.hop
        if hop is not None and hop is not Hop.SERVICE and found.finding.consequence_of is None:
            faulty += [hop.ends[1], hop.ends[0]]
    return tuple(dict.fromkeys([Tap.HEARD, *faulty, Tap.RECEIVED, Tap.PROMPT]))


def _spots(run: RunResult, tap: Tap) -> tuple[Spot, ...]:
    return tuple(
        spot for found in run.findings for item in found.finding.evidence for spot in item.spots if spot.tap is tap
    )


def _evidence(clip: Clip, wish: _Wish) -> tuple[Clip, float]:
    """Return at most six seconds and their start: around the first spot of a finding, else the beginning."""
    if clip.duration_s <= EVIDENCE_S:
        return clip, 0.0
    start_s = 0.0
    if wish.spots:
        in_stretch_s = wish.spots[0].start_s - _stretch_start_s(wish)
        start_s = min(max(in_stretch_s - _LEAD_S, 0.0), clip.duration_s - EVIDENCE_S)
    rate_hz = clip.sample_rate_hz
    return clip.slice(round(start_s * rate_hz), round((start_s + EVIDENCE_S) * rate_hz)), start_s


def _stretch_start_s(wish: _Wish) -> float:
    """Where the stretch begins, in seconds from the start of the tap's clip."""
    span = span_of(wish.pick.take, wish.pick.turn, wish.tap)
    return span[0] / wish.pick.take.clips[wish.tap].sample_rate_hz if span else 0.0


def _described(wish: _Wish, whole: Clip, clip: Clip, start_s: float) -> Player:
    end_s = start_s + clip.duration_s
    note = f"{start_s:.1f} to {end_s:.1f} s of {whole.duration_s:.1f} s" if clip.frames < whole.frames else ""
    player = _player(wish.run, wish.tap.value, f"tap-{wish.tap.value}", f"take {wish.pick.take.id}", clip, note=note)
    return replace(player, tap=wish.tap, offset_s=_stretch_start_s(wish) + start_s)


def _player(run: RunResult, label: str, style: str, origin: str, clip: Clip, *, note: str) -> Player:
    """Return a player without an id, of no tap."""
    level = active_level_dbfs(clip.samples, clip.sample_rate_hz)
    peak = peak_dbfs(clip.samples)
    onset = first_audible_frame(clip.samples, clip.sample_rate_hz)
    loudness = f"speech {level:.0f} dBFS RMS, peak {peak:.0f} dBFS" if level is not None else "silence"
    loudest = max(float(abs(clip.samples).max()), 0.01)
    half = (WAVE_HEIGHT / 2 - 2) / loudest
    return Player(
        id="",
        run=run.name,
        label=label,
        style=style,
        origin=origin,
        tap=None,
        src=None,
        same_as=None,
        left_out=None,
        note=note,
        facts=f"{clip.duration_s:.1f} s at {clip.sample_rate_hz} Hz, {loudness.replace('-', '−')}",
        wave=envelope(peaks(clip.samples, _WAVE_COLUMNS), x=0, width=WAVE_WIDTH, middle=WAVE_HEIGHT / 2, half=half),
        duration_s=clip.duration_s,
        offset_s=0.0,
        level_dbfs=level,
        onset_s=None if onset is None else onset / clip.sample_rate_hz,
        loud=level is not None and level > _LOUD_DBFS,
    )
