"""Pictures of what is measured on a whole turn: echo, delivery, latencies as timelines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from diag.core.chain import Tap
from diag.core.take import Turn
from diag.core.timeline import Event, Timeline
from diag.dsp.level import decibels
from diag.dsp.spectrum import short_time_power_at
from pictures.frame import (
    BAND,
    GOOD,
    LINE,
    MARK,
    ON_WHITE,
    PLAYED_HZ,
    QUIET,
    RECEIVED_HZ,
    STAGE_COLOURS,
    TEXT,
    TOP_HZ,
    arrow,
    clip,
    heard,
    panels,
    picture,
    reply,
    tell,
    value,
    wave,
)


def a_turn(**spans: Any) -> Turn:
    """A turn of ten seconds."""
    return Turn(index=0, prompt_name="x", start_s=0.0, end_s=10.0, **spans)


@picture(
    "echo_db",
    "echo_delay_s",
    "echo_sent_db",
    "echo_removed_db",
    "interruption_echo_share",
    "interruption_user_share",
    words="Spectrograms of what the microphone takes while the reply plays: a quiet room, and the reply again",
)
def echo() -> Figure:
    """The reply in the microphone."""
    random, out = np.random.default_rng(7), heard(reply())
    room = 1e-4 * random.standard_normal(out.size + PLAYED_HZ)
    again = room.copy()
    again[round(0.12 * PLAYED_HZ) :][: out.size] += 10 ** (-18 / 20) * out
    turn = a_turn(reply_spans={Tap.PLAYED: (0, out.size)})
    figure, places = panels("healthy", "faulty")
    for place, samples in zip(places, (room, again), strict=True):
        found = value("echo_db", turn=turn, played=clip(out, start_s=0.0), captured=clip(samples, start_s=0.0))
        tell(place, f"{'healthy' if place is places[0] else 'the speaker is heard'}: echo_db {found:.0f}")
        spectrum = short_time_power_at(samples, PLAYED_HZ, 0.032, 0.008, TOP_HZ)
        levels = decibels(np.sqrt(spectrum.power.T))
        place.imshow(levels, origin="lower", aspect="auto", extent=(0, samples.size / PLAYED_HZ, 0, 12), cmap="magma",
                     vmin=-95, vmax=-45, interpolation="bilinear")  # fmt: skip
        place.set_yticks([0, 4, 8, 12], ["0", "4", "8", "12 kHz"])
        place.set_xlabel("s")
    return figure


def delivery(late: bool) -> Iterator[tuple[float, float]]:
    """(arrival, seconds of audio) of chunks: steady, or with a pause and in bursts."""
    random = np.random.default_rng(3)
    for index in range(50):
        due = 0.04 * index
        arrival = 0.6 * due if not late else (due if index < 15 else due * 1.08 + 0.35)
        yield arrival + (random.uniform(0, 0.07) if late else random.uniform(0, 0.004)), 0.04


@picture(
    "buffer_needed_s",
    "arrival_jitter_s",
    "realtime_factor_min",
    words="Audio received over time: ahead of what is played, and behind it by the buffer that would be needed",
)
def schedule() -> Figure:
    """Received against played."""
    figure, places = panels("healthy", "faulty", height_in=2.5)
    clip_received = clip(np.zeros(RECEIVED_HZ * 2), RECEIVED_HZ)
    for place, late in zip(places, (False, True), strict=True):
        chunks = sorted(delivery(late))
        starts = np.cumsum([0.0, *(length for _, length in chunks)])[:-1]
        times = np.array([arrival for arrival, _ in chunks]) - chunks[0][0]
        timeline = Timeline(tuple(
            Event(t_s=1.0 + t, name="chunk_received", source="service",
                  data={"turn": 0, "start_frame": round(start * RECEIVED_HZ), "frames": 960, "bytes": 1920})
            for t, start in zip(times, starts, strict=True)
        ))  # fmt: skip
        given = {"turn": a_turn(), "timeline": timeline, "received": clip_received}
        names = ("buffer_needed_s", "arrival_jitter_s", "realtime_factor_min")
        needed, jitter, slowest = (value(name, **given) for name in names)
        tell(place, f"{'healthy' if not late else 'faulty'}: buffer_needed_s {needed:.2f},\n"
             f"arrival_jitter_s {jitter:.3f}, realtime_factor_min {slowest:.2f}")  # fmt: skip
        place.step(times, starts + 0.04, where="post", color=MARK, label="received")
        place.plot([0, 2], [0, 2], color=QUIET, ls="--", lw=1, label="played at once")
        if late:
            place.plot([needed, 2 + needed], [0, 2], color=GOOD, ls=":", lw=1.2, label="played after the buffer")
        place.legend(loc="lower right")
        place.set_xlabel("s since the first byte")
        place.set_xlim(0, 2.6)
    places[0].set_ylabel("s of audio")
    return figure


@picture("repeated_chunks", words="Waveforms of received chunks: each another one, and one of them twice")
def chunks() -> Figure:
    """Chunks as they came."""
    size = 960
    whole = reply()[round(0.5 * RECEIVED_HZ) :][: 12 * size].astype(np.float32)
    twice = np.concatenate([whole[: 5 * size], whole[4 * size : -size]])
    figure, places = panels("healthy", "faulty", height_in=1.7)
    for place, samples in zip(places, (whole, twice), strict=True):
        starts = range(0, samples.size, size)
        events = [
            Event(t_s=1 + start / RECEIVED_HZ, name="chunk_received", source="service",
                  data={"turn": 0, "start_frame": start, "frames": size, "bytes": 2 * size})
            for start in starts
        ]  # fmt: skip
        given = {"turn": a_turn(), "timeline": Timeline(tuple(events)), "received": clip(samples, RECEIVED_HZ)}
        found = value("repeated_chunks", **given)
        tell(place, f"{'healthy' if place is places[0] else 'one chunk twice'}: repeated_chunks {found:.0f}")
        wave(place, heard(samples), 0, samples.size / RECEIVED_HZ)
        for start in starts:
            place.axvline(start / RECEIVED_HZ, color=LINE, lw=0.8)
    places[1].axvspan(4 * size / RECEIVED_HZ, 6 * size / RECEIVED_HZ, color=BAND, lw=0, zorder=0)
    return figure


@picture("realtime_ratio", words="Audio sent over time: a second each second, and three")
def realtime() -> Figure:
    """Sent against the clock."""
    figure, places = panels("healthy", "faulty", height_in=2.0)
    for place, rate in zip(places, (1.0, 3.0), strict=True):
        times = np.arange(0.1, 2.1, 0.1)
        frames = np.rint((times - 0.1) * rate * 16000).astype(int).tolist()
        events = [
            Event(t_s=t, name="batch_sent", source="client", data={"turn": 0, "start_frame": frame})
            for t, frame in zip(times.tolist(), frames, strict=True)
        ]
        timeline = Timeline(tuple(events))
        found = value("realtime_ratio", turn=a_turn(), timeline=timeline, sent=clip(np.zeros(16000), 16000))
        tell(place, f"{'healthy' if rate == 1 else '48 kHz labelled as 16 kHz'}: realtime_ratio {found:.2f}")
        place.plot(times, times * rate, "o-", ms=3, lw=1, color=MARK)
        place.plot([0, 2.1], [0, 2.1], color=QUIET, ls="--", lw=1)
        place.set_xlabel("s")
    places[0].set_ylabel("s of audio sent")
    return figure


@picture("answered", words="Waveforms of what was received: a reply, and nothing")
def answered() -> Figure:
    """A reply, or none."""
    figure, places = panels("healthy: answered 1", "no audio came: answered 0", height_in=1.4)
    for place, samples in zip(places, (heard(reply()), np.zeros(heard(reply()).size)), strict=True):
        wave(place, samples, 0, 3.2)
    return figure


@picture(
    "ttfb_s",
    "ttfa_received_s",
    "ttfa_heard_s",
    "ttfa_events_s",
    "first_speech_s",
    "detector_gap_s",
    "ttfa_heard_uncertainty_s",
    words="A timeline of prompt, received bytes and the reply at the ear: from where to where each latency runs",
)
def latency() -> Figure:
    """From – to of the latencies."""
    figure, (place,) = panels("from – to", height_in=3.6)
    place.set_title("from – to", color=TEXT)
    sound = reply() / np.abs(reply()).max() * 0.35
    lanes = {"prompt": 6.0, "received": 5.0, "heard": 4.0}
    for name, level_ in lanes.items():
        place.plot([0, 4], [level_, level_], color=LINE, lw=0.8, zorder=0)
        place.text(-0.05, level_, name, ha="right", va="center", color=QUIET)
    end, first_byte, could, ear, speech = 1.0, 1.9, 2.15, 2.4, 2.75
    half = sound[: round(1.0 * RECEIVED_HZ)]
    place.plot(np.linspace(0, end, half.size), half + 6, color=STAGE_COLOURS[0], lw=0.5)
    for start in np.arange(first_byte, 3.9, 0.12):
        place.add_patch(Rectangle((start, 4.8), 0.09, 0.4, color=MARK, lw=0))
    breath = 0.05 * np.random.default_rng(1).standard_normal(400)
    place.plot(np.linspace(ear, speech, 400), breath + 4, color=TEXT, lw=0.5)
    rest = sound[: round(1.2 * RECEIVED_HZ)]
    place.plot(np.linspace(speech, 3.95, rest.size), rest + 4, color=TEXT, lw=0.5)
    for t in (end, first_byte, could, ear, speech):
        place.axvline(t, color=QUIET, lw=0.7, ls=":", ymax=0.97)
    arrow(place, end, first_byte, 3.1, "ttfb_s")
    arrow(place, end, could, 2.4, "ttfa_received_s")
    arrow(place, end, ear, 1.7, "ttfa_heard_s (ear)  ·  ttfa_events_s (stamps)  ·  their difference: detector_gap_s")
    arrow(place, end, speech, 1.0, "first_speech_s")
    said = ("the prompt's\nspeech ends", "first\nbyte", "could be\nplayed", "first\nsound", "first\nspeech")
    for t, words in zip((end, first_byte, could, ear, speech), said, strict=True):
        place.text(t, 0.75, words, ha="center", va="top", color=QUIET, fontsize=7.5, bbox=ON_WHITE)
    place.set_xlim(-0.45, 4.0)
    place.set_ylim(0, 6.6)
    place.axis("off")
    return figure


@picture(
    "barge_in_delay_s",
    "interrupt_delay_s",
    "flush_delay_s",
    "reply_cut_s",
    "overlap_s",
    "double_talk_s",
    "false_interruptions",
    "end_of_turn_s",
    "cut_off_s",
    words="A timeline of a prompt, its reply and a barge-in: from where to where each time of turn-taking runs",
)
def turn_taking() -> Figure:
    """From – to of the times around an interruption."""
    figure, (place,) = panels("from – to", height_in=3.6)
    place.set_title("from – to", color=TEXT)
    sound = reply() / np.abs(reply()).max() * 0.35
    lanes = {"user": 6.0, "service": 5.0, "reply at the ear": 4.0}
    for name, level_ in lanes.items():
        place.plot([0, 4.2], [level_, level_], color=LINE, lw=0.8, zorder=0)
        place.text(-0.05, level_, name, ha="right", va="center", color=QUIET)
    end, noticed, begins, onset, told, quiet = 0.6, 1.0, 1.3, 2.3, 2.65, 3.0
    for start, stop, lane, colour in ((0.0, end, 6, STAGE_COLOURS[0]), (onset, 3.4, 6, STAGE_COLOURS[0]),
                                      (begins, quiet, 4, TEXT)):  # fmt: skip
        part = sound[: round((stop - start) * RECEIVED_HZ)]
        place.plot(np.linspace(start, stop, part.size), part + lane, color=colour, lw=0.5)
    for start in np.arange(1.2, told, 0.12):
        place.add_patch(Rectangle((start, 4.8), 0.09, 0.4, color=MARK, lw=0))
    for t in (end, noticed, onset, told, quiet):
        place.axvline(t, color=QUIET, lw=0.7, ls=":", ymax=0.97)
    arrow(place, end, noticed, 3.1, "end_of_turn_s")
    arrow(place, onset, told, 3.1, "interrupt_delay_s")
    arrow(place, told, quiet, 2.4, "flush_delay_s")
    arrow(place, onset, quiet, 1.7, "barge_in_delay_s · overlap_s")
    said = ("prompt\nends", "end\nnoticed", "user\ninterrupts", "`inter-\nrupted`", "silence")
    for t, words in zip((end, noticed, onset, told, quiet), said, strict=True):
        place.text(t, 0.75, words, ha="center", va="top", color=QUIET, fontsize=7.5, bbox=ON_WHITE)
    place.set_xlim(-0.75, 4.2)
    place.set_ylim(0, 6.6)
    place.axis("off")
    return figure


@picture(
    "latency_growth_s",
    "first_turn_extra_s",
    words="Time to the first byte of each turn: level, and growing from turn to turn after a slow first one",
)
def waits_over_turns() -> Figure:
    """The wait of each turn of a conversation."""
    figure, places = panels("healthy", "faulty", height_in=2.0)
    for place, grows_s, first_s in zip(places, (0.0, 0.08), (0.0, 0.9), strict=True):
        waits = 0.7 + grows_s * np.arange(8) + np.where(np.arange(8) == 0, first_s, 0.0)
        turns = tuple(replace(a_turn(), index=index, speech_end_s=10.0 * index) for index in range(8))
        events = tuple(
            Event(t_s=10.0 * index + wait, name="chunk_received", source="service",
                  data={"turn": index, "start_frame": 0, "frames": 960, "bytes": 1920})
            for index, wait in enumerate(waits.tolist())
        )  # fmt: skip
        given = {"turns": turns, "timeline": Timeline(events)}
        growth, extra = value("latency_growth_s", **given), value("first_turn_extra_s", **given)
        tell(
            place,
            f"{'healthy' if not grows_s else 'faulty'}: latency_growth_s {growth:.2f}, first_turn_extra_s {extra:.2f}",
        )
        place.plot(np.arange(1, 9), waits, "o-", ms=4, lw=1, color=MARK)
        place.set_ylim(0, 1.9)
        place.set_xlabel("turn")
    places[0].set_ylabel("s to the first byte")
    return figure


STAGES = {
    "capture_delay_s": (0.03, 0.03),
    "batching_delay_s": (0.05, 0.45),
    "service_delay_s": (0.75, 0.75),
    "leading_silence_s": (0.08, 0.08),
    "playout_delay_s": (0.06, 0.5),
    "device_delay_s": (0.04, 0.04),
}
"""Seconds on a healthy way, and where batches and the player's buffer are of half a second."""


@picture(*STAGES, words="Two waterfalls of six stages; in the second, batching and playout are long")
def waterfall() -> Figure:
    """The stages in order, each from the end of the one before."""
    titles = [
        f"{word}: {sum(lengths[place] for lengths in STAGES.values()):.2f} s in all"
        for place, word in enumerate(("healthy", "batch and buffer of 0.5 s"))
    ]
    figure, places = panels(*titles, height_in=2.5)
    for index, place in enumerate(places):
        start = 0.0
        for row, (lengths, colour) in enumerate(zip(STAGES.values(), STAGE_COLOURS, strict=True)):
            place.barh(-row, lengths[index], left=start, color=colour, height=0.7)
            start += lengths[index]
        place.set_yticks([-row for row in range(len(STAGES))], list(STAGES))
        place.set_xlabel("s since the prompt's last speech sample left the mouth")
        place.set_xlim(0, 2)
    return figure
