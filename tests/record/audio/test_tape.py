"""Tape and mouth: nothing lost, nothing moved, whatever the block sizes."""

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from diag.record.audio.tape import Mouth, Tape

blocks = st.lists(st.integers(0, 40), max_size=30)


@given(sizes=blocks, channels=st.integers(1, 3), chunk=st.integers(1, 50))
def test_tape_gives_back_what_was_written(sizes, channels, chunk):
    rng = np.random.default_rng(len(sizes))
    tape = Tape(100, channels=channels, chunk_s=chunk / 100)
    written = [rng.standard_normal((size, channels)).astype(np.float32) for size in sizes]
    for index, block in enumerate(written):
        tape.write(block, float(index), None if index % 2 else index + 0.5)
    whole = np.concatenate([np.zeros((0, channels), dtype=np.float32), *written])
    expected = whole[:, 0] if channels == 1 else whole
    np.testing.assert_array_equal(tape.samples(), expected)
    assert tape.frames == sum(sizes)
    stamps = tape.stamps()
    np.testing.assert_array_equal(stamps.frame, np.cumsum([0, *sizes])[:-1] if sizes else [])
    assert stamps.to_json()["device_s"] == [None if i % 2 else i + 0.5 for i in range(len(sizes))]
    assert stamps.to_json(1.0)["t_s"] == [i - 1.0 for i in range(len(sizes))]


@given(sizes=blocks, start=st.integers(-5, 60), end=st.integers(0, 2000))
def test_part_of_a_tape_is_that_part_of_the_whole(sizes, start, end):
    tape = Tape(100, chunk_s=0.07)
    for size in sizes:
        tape.write(np.arange(tape.frames, tape.frames + size, dtype=np.float32), 0.0, None)
    np.testing.assert_array_equal(tape.samples(start, end), tape.samples()[max(start, 0) : end])


def test_tape_keeps_the_first_channels_and_copies():
    tape = Tape(100, channels=2)
    block = np.ones((4, 32), dtype=np.float32)
    tape.write(block, 0.0, None)
    block[:] = 7
    assert tape.samples().shape == (4, 2)
    assert (tape.samples() == 1).all()


@given(sizes=st.lists(st.integers(1, 30), min_size=40, max_size=40), said=st.lists(st.integers(0, 39), max_size=5))
def test_mouth_speaks_every_clip_whole_where_it_promised(sizes, said):
    mouth = Mouth(1000)
    rng = np.random.default_rng(1)
    promised = []
    for index, size in enumerate(sizes):
        for _ in range(said.count(index)):
            clip = rng.uniform(0.1, 1.0, 25).astype(np.float32)
            promised.append((mouth.say(clip), clip))
        mouth.pull(size, float(index), None)
    while mouth.busy:
        mouth.pull(10, 0.0, None)
    tape = mouth.tape.samples()
    silence = np.ones(len(tape), dtype=bool)
    for start, clip in promised:
        np.testing.assert_array_equal(tape[start : start + len(clip)], clip)
        silence[start : start + len(clip)] = False
    assert not tape[silence].any()


def test_a_tape_that_forgets_stores_no_more_however_long_it_runs():
    tape = Tape(100, chunk_s=0.1)
    stored = {}
    for index in range(200):
        block = np.full(7, index, dtype=np.float32)
        tape.write(block, 0.0, None)
        stored |= {id(chunk): chunk for chunk in tape._chunks if len(chunk)}
        np.testing.assert_array_equal(tape.samples(tape.frames - 3), block[:3])
        tape.forget()
    assert tape.frames == 1400
    assert len(stored) <= 3


def test_saying_while_pulling_never_breaks_the_promise():
    mouth = Mouth(48000)
    stop = threading.Event()

    def device():
        while not stop.is_set():
            mouth.pull(7, 0.0, None)

    thread = threading.Thread(target=device)
    thread.start()
    clip = np.arange(1, 50, dtype=np.float32)
    promised = [mouth.say(clip) for _ in range(500)]
    while mouth.busy:
        pass
    stop.set()
    thread.join()
    tape = mouth.tape.samples()
    for start in promised:
        np.testing.assert_array_equal(tape[start : start + len(clip)], clip)
