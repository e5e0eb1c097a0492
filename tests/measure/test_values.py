"""Every value that is measured of some takes and recordings, against values that a person has read and approved."""

from pathlib import Path

import numpy as np
import pytest
from approved import check, measurements_in_words
from builders import Story, build, client, replace, speech
from segment_faults import SEGMENT_FAULTS

from diag.core.chain import Hop
from diag.core.clip import Clip
from diag.measure.engine import measure_clip, measure_pair, measure_take
from diag.measure.registry import all_metrics

APPROVED = Path(__file__).with_name("approved_values.txt")
FAULTS = {fault.name: fault for fault in SEGMENT_FAULTS}
STORIES = {
    "healthy": Story(seed=3),
    "slow and uneven": Story(seed=4, service_delay_s=1.2, pace=0.8, chunk_s=0.2, leading_silence_s=0.2),
    "an echo, and chunks that come twice": Story(seed=5, echo_gain=0.05, twice=(3, 4)),
    "text in place of a voice": Story(seed=3, text_reply=True),
    "refused": Story(refused=(1008, "Requested entity was not found.")),
    "another rate, and detection switched off": replace(
        Story(seed=6), config=client(send={"declared_rate_hz": 48000}), send_pace=1.5
    ),
    **{f"{name} by the player": FAULTS[name].story(Hop.PLAYER, 2) for name in
       ("a wrong rate", "silence put in", "sound left out", "clicks", "another level", "noise", "two players")},
    **{f"{name} by the microphone": FAULTS[name].story(Hop.MICROPHONE, 1) for name in
       ("lost treble", "clipping", "aliases", "sound repeated")},
}  # fmt: skip


METRICS = sorted(all_metrics(), key=lambda item: (item.name, item.kind.value))


@pytest.mark.parametrize("name", STORIES)
def test_values_of_takes_are_those_approved(name):
    check(APPROVED, f"take: {name}", measurements_in_words(measure_take(build(STORIES[name]), METRICS, None)))


def recording(fault):
    rate_hz = 24000
    samples = speech(2.5, 7, rate_hz)
    reference = Clip(samples=samples, sample_rate_hz=rate_hz)
    changed = FAULTS[fault].apply(samples, rate_hz) if fault else np.concatenate([np.zeros(1200, np.float32), samples])
    return reference, Clip(samples=changed.astype(np.float32), sample_rate_hz=rate_hz)


@pytest.mark.parametrize("fault", [None, "overdrive", "sound in another order", "an odd byte", "images"])
def test_values_of_recordings_are_those_approved(fault):
    reference, changed = recording(fault)
    check(APPROVED, f"pair: {fault}", measurements_in_words(measure_pair(reference, changed, metrics=METRICS)))
    check(APPROVED, f"alone: {fault}", measurements_in_words(measure_clip(changed, metrics=METRICS)))
