"""Audio in the report: which clips, how much of each, and whether inside the file or beside it.

All audio is lossless 16-bit FLAC. A lossy format would change the clicks, gaps and clipped samples that a finding
points to.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from diag.core.chain import Hop, Tap
from diag.core.clip import Clip
from diag.core.results import RunResult, Spot
from diag.core.units import with_minus
from diag.dsp.level import peak_dbfs
from diag.dsp.speech import active_level_dbfs, first_audible_frame
from diag.files.audio_files import encode_flac
from diag.report.language import tr
from diag.report.picks import Pick, span_of, stretch
from diag.report.svg import envelope, peaks

Embed = Literal["evidence", "all", "none"]
EXCHANGE: Final = "exchange"
Key = tuple[int, Tap | Literal["exchange"] | None]
"""Index of the run in the report (two runs may share a name), and what is played: a tap, the exchange at the top of a
comparison, or the voice of the profile (None)."""

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
_LOUD_DBFS = -14.0
_LEAD_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Player:
    """One clip to listen to, or the reason why it is not in the report.

    `title` and `detail` say what it is, `style` gives its colour. `tap` is None for the sample of a voice profile.
    `offset_s` is where the clip begins in its recording, `from_s` where it begins in what was wanted of it.
    """

    id: str
    title: str
    detail: str
    label: str
    style: str
    tap: Tap | None
    src: str | None
    same_as: str | None
    left_out: str | None
    note: str
    facts: str
    wave: str
    duration_s: float
    offset_s: float
    from_s: float
    level_dbfs: float | None
    onset_s: float | None
    loud: bool


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A clip that is wanted in the report.

    Parameters
    ----------
    key : Key
        Number of the run or recording in the report, and what of it is played.
    clip : Clip
        Mono; what can be listened to.
    title, detail, label : str
        What it is: a bold word, what follows it, and the name for screen readers.
    note : str
        Which part of the recording it is; empty for all of it.
    tap : Tap or None
    offset_s : float
        Where it begins in its recording.
    from_s : float
        Where it begins in the prompt or reply that it is a part of. An exchange counts from the end of the prompt.
    reply : Clip or None
        The reply in the clip, from the same frame on, if other voices are in it too. Level and first sound are taken
        from it.
    columns : int
        Number of columns of its drawn waveform.
    style : str
        Name of its colour in the style sheet; empty for that of its tap.
    """

    key: Key
    clip: Clip
    title: str
    detail: str
    label: str
    tap: Tap | None
    note: str = ""
    offset_s: float = 0.0
    from_s: float = 0.0
    reply: Clip | None = None
    columns: int = 150
    style: str = ""


@dataclass(frozen=True)
class _Wish:
    index: int
    run: RunResult
    pick: Pick
    tap: Tap
    spots: tuple[Spot, ...]


Players = Mapping[Key, Player]


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
    exchanges: Sequence[Piece] = (),
) -> dict[Key, Player]:
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
        Samples of the voices that runs were compared with, by index of the run. They come after the exchanges.
    exchanges : sequence of Piece
        Clips at the top of comparisons. They come first. With "evidence", one of them is also the player of its tap,
        if it holds the first place that a finding names on that tap.
    """
    room = room_for(len(picks))
    shared = [] if embed == "all" else [piece for piece in exchanges if _holds_first_spot(piece, picks)]
    wishes = [
        wish
        for wish in _wishes(picks, embed)
        if (wish.index, wish.tap) not in {(piece.key[0], piece.tap) for piece in shared}
    ]
    pieces = [*exchanges, *_sample_pieces(picks, embed, voices or {}), *_pieces(wishes, embed)]
    players = {piece.key: player for piece, player in embedded(pieces, embed, out, room)}
    return players | {(piece.key[0], piece.tap): players[piece.key] for piece in shared}


def room_for(runs: int) -> int:
    """Return how many bytes of audio a report of this many runs has room for with `--embed evidence`."""
    return SMALL_BYTES - RUN_BYTES * runs


def _holds_first_spot(piece: Piece, picks: Sequence[tuple[int, RunResult, Pick]]) -> bool:
    """Whether a clip holds the first place that a finding of its run names on its tap, if there is one."""
    runs = {index: run for index, run, _ in picks}
    spots = spots_of(runs[piece.key[0]], piece.tap) if piece.tap and piece.key[0] in runs else ()
    return not spots or 0.0 <= spots[0].start_s - piece.offset_s < piece.clip.duration_s


def embedded(pieces: Iterable[Piece], embed: Embed, out: Path, room: int) -> list[tuple[Piece, Player]]:
    """Return each piece with its player, embedded in the order given while there is room.

    Parameters
    ----------
    pieces : iterable of Piece
        May be made lazily.
    embed : {"evidence", "all", "none"}
        As in `players_of`.
    out : Path
        Where the report will be written; audio that does not fit goes into a folder beside it.
    room : int
        Bytes for the audio with "evidence".
    """
    found: list[tuple[Piece, Player]] = []
    by_hash: dict[str, str] = {}
    data: dict[str, bytes] = {}
    spent = 0
    for piece in pieces:
        player = _described(piece, f"clip-{len(found) + 1}")
        if embed == "none":
            found.append((piece, replace(player, left_out=tr("audio was not asked for (--embed none)"))))
            continue
        flac = encode_flac(piece.clip)
        digest = hashlib.sha256(flac).hexdigest()
        if digest in by_hash:
            found.append((piece, replace(player, same_as=by_hash[digest])))
            continue
        size = len(flac) * 4 // 3
        if embed == "evidence" and (len(data) >= EVIDENCE_CLIPS or spent + size > room):
            found.append((piece, replace(player, left_out=tr("left out to keep this file small (--embed all)"))))
            continue
        spent += size
        by_hash[digest] = player.id
        data[player.id] = flac
        found.append((piece, player))
    beside = out.with_name(f"{out.stem}_audio") if spent > BESIDE_BYTES else None
    return [
        (piece, replace(player, src=_source(player.id, data[player.id], beside)) if player.id in data else player)
        for piece, player in found
    ]


def _sample_pieces(
    picks: Sequence[tuple[int, RunResult, Pick]], embed: Embed, voices: Mapping[int, VoiceSample]
) -> Iterator[Piece]:
    """Yield the samples of the voices that runs were compared with."""
    for index, run, _ in picks:
        sample = voices.get(index)
        if sample is not None:
            whole = sample.clip
            title = tr("voice {name}").format(name=sample.name)
            yield Piece(
                key=(index, None),
                clip=whole if embed == "all" else whole.slice(0, round(EVIDENCE_S * whole.sample_rate_hz)),
                title=title,
                detail=sample.origin,
                label=tr("{what} of {run}, {detail}").format(what=title, run=run.name, detail=sample.origin),
                tap=None,
                style="voice",
            )


def size_note(players: Iterable[Player]) -> str:
    """Return a note if audio is beside the file or makes it large; otherwise an empty string."""
    sources = [player.src for player in players if player.src]
    inside = sum(len(source) for source in sources if source.startswith("data:"))
    if sources and not inside:
        folder = sources[0].split("/", 1)[0]
        return tr("The audio is in the folder {folder} beside this file: move both together.").format(folder=folder)
    if inside > LARGE_BYTES:
        words = tr("This file contains {size:.0f} MB of audio; `--embed evidence` makes a smaller one.")
        return words.format(size=inside / 1e6)
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
    return [_Wish(index, run, chosen, tap, spots_of(run, tap)) for index, run, chosen, tap in ordered]


def _pieces(wishes: Sequence[_Wish], embed: Embed) -> Iterator[Piece]:
    for wish in wishes:
        clip = stretch(wish.pick.take, wish.pick.turn, wish.tap)
        if clip is None:
            continue
        cut, start_s = (clip, 0.0) if embed == "all" else _evidence(clip, wish)
        detail = tr("take {take}").format(take=wish.pick.take.id)
        yield Piece(
            key=(wish.index, wish.tap),
            clip=cut,
            title=wish.tap.value,
            detail=detail,
            label=tr("{what} of {run}, {detail}").format(what=wish.tap.value, run=wish.run.name, detail=detail),
            tap=wish.tap,
            note=part_note(start_s, cut.duration_s, clip.duration_s),
            offset_s=_stretch_start_s(wish) + start_s,
            from_s=start_s,
        )


def part_note(start_s: float, length_s: float, whole_s: float) -> str:
    """Return which part of a recording a clip is, as "1.2 to 7.2 s of 30.0 s"; empty for all of it."""
    words = tr("{start_s:.1f} to {end_s:.1f} s of {whole_s:.1f} s")
    return "" if length_s >= whole_s else words.format(start_s=start_s, end_s=start_s + length_s, whole_s=whole_s)


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


def spots_of(run: RunResult, tap: Tap) -> tuple[Spot, ...]:
    """Return the places on a tap that the findings of a run name."""
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


def _described(piece: Piece, name: str) -> Player:
    clip, judged = piece.clip, piece.reply or piece.clip
    level = active_level_dbfs(judged.samples, judged.sample_rate_hz)
    peak = peak_dbfs(judged.samples)
    onset = first_audible_frame(judged.samples, judged.sample_rate_hz)
    loudness = (
        tr("silence")
        if level is None
        else tr("speech {level:.0f} dBFS RMS, peak {peak:.0f} dBFS").format(level=level, peak=peak)
    )
    loudest = max(float(abs(clip.samples).max()), 0.01)
    half = (WAVE_HEIGHT / 2 - 2) / loudest
    return Player(
        id=name,
        title=piece.title,
        detail=piece.detail,
        label=piece.label,
        style=piece.style or (f"tap-{piece.tap.value}" if piece.tap else ""),
        tap=piece.tap,
        src=None,
        same_as=None,
        left_out=None,
        note=piece.note,
        facts=tr("{seconds:.1f} s at {rate_hz} Hz").format(seconds=clip.duration_s, rate_hz=clip.sample_rate_hz)
        + f", {with_minus(loudness)}",
        wave=envelope(peaks(clip.samples, piece.columns), x=0, width=WAVE_WIDTH, middle=WAVE_HEIGHT / 2, half=half),
        duration_s=clip.duration_s,
        offset_s=piece.offset_s,
        from_s=piece.from_s,
        level_dbfs=level,
        onset_s=None if onset is None else onset / clip.sample_rate_hz,
        loud=level is not None and level > _LOUD_DBFS,
    )


@dataclass(frozen=True)
class Pair:
    """Two players to switch between, aligned at one time of each; the louder one is turned down.

    Playing begins up to `lead_s` before that time. `replies_s` is another time of each to align at on request: where
    its reply begins.
    """

    title: str
    a: Player
    b: Player
    a_clip: str
    b_clip: str
    a_gain_db: float
    b_gain_db: float
    a_start_s: float
    b_start_s: float
    matched: str
    aligned: str
    lead_s: float = 0.2
    replies_s: tuple[float, float] | None = None

    @property
    def same(self) -> bool:
        """Whether both are the same audio, bit for bit."""
        return self.a_clip == self.b_clip


def exchange_pair(title: str, a: Player, b: Player) -> Pair | None:
    """Return the clips at the top of a comparison, which begin at the same moment; None if one is not in the report."""
    moment_s = max(-a.from_s, 0.0)
    pair = pair_of(title, a, b, (moment_s, moment_s))
    if pair is None:
        return None
    replies = (a.onset_s, b.onset_s) if moment_s and a.onset_s is not None and b.onset_s is not None else None
    aligned = tr("Both sides are at the same moment, counted from the end of the prompt.")
    return replace(pair, aligned=aligned, lead_s=moment_s, replies_s=replies)


def pair_of(title: str, a: Player, b: Player, starts_s: tuple[float, float] | None = None) -> Pair | None:
    """Return two players to switch between; None if the audio of one is not in the report.

    Parameters
    ----------
    title : str
    a, b : Player
    starts_s : (float, float), optional
        The same moment in the clip of each, as it was measured; by default the first audible sample.
    """
    if a.left_out or b.left_out:
        return None
    a_gain_db, b_gain_db, matched = 0.0, 0.0, tr("Levels are as recorded, because one side is silent.")
    if a.level_dbfs is not None and b.level_dbfs is not None:
        louder_db = round(a.level_dbfs - b.level_dbfs, 1)
        a_gain_db, b_gain_db = min(-louder_db, 0.0), min(louder_db, 0.0)
        matched = tr("Both have the same loudness.")
        if louder_db:
            turned = tr("For equal loudness, {side} is turned down by {level_db:.1f} dB.")
            matched = turned.format(side="A" if louder_db > 0 else "B", level_db=abs(louder_db))
    starts = starts_s or (a.onset_s or 0.0, b.onset_s or 0.0)
    return Pair(
        title=title,
        a=a,
        b=b,
        a_clip=a.same_as or a.id,
        b_clip=b.same_as or b.id,
        a_gain_db=a_gain_db,
        b_gain_db=b_gain_db,
        a_start_s=round(starts[0], 4),
        b_start_s=round(starts[1], 4),
        matched=matched,
        aligned=tr("Both sides are aligned by the measured delay.")
        if starts_s
        else tr("Both sides start at their first audible sample."),
    )
