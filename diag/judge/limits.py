"""Every limit that more than one rule uses, with its source. Each limit is defined only here.

The figures come from the tables in `docs/accuracy.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diag.measure.voice_making import NARROW_SHARE, ODD_SPEED, ODD_TREBLE_DB

RATE_WARNING, RATE_ERROR = 0.005, 0.01
"""Deviation of a segment's speed from 1. More than 0.5 % is too much for the drift of two clocks (a bad crystal is off
by 0.02 %). More than 1 % is a wrong sample rate."""

LOST_ALL_ALONG_PPM = 1000.0
"""From this deviation of the speed on, a client loses or adds samples: one in each 40 ms at 24 kHz. Clocks are not so
far apart."""

TREBLE_WARNING_DB, TREBLE_ERROR_DB = 3.0, 5.0
"""Treble lost on a segment. Listeners notice 5 dB in the octave around 8 kHz of speech (Monson et al., JASA 2014)."""

EDGE_WARNING_HZ, EDGE_ERROR_HZ = 10_000, 8_200
"""Upper edge of the content of a 24 kHz reply. Voices of that rate reach at least 10.5 kHz; a stage at 16 kHz leaves
8 kHz."""

ROOM_BLURS_DB, ROOM_BLURS_S = -8.0, 0.5
"""In a room whose reverberation is above the first, relative to the direct sound, changes of a device hop that are
shorter than the second are not told from reverberation. The rooms that come with diag were tried: below it (headset)
healthy sound shows no changes, above it (desk, laptop, phone, meeting room) up to 0.41 s seem lost or added."""

PASSBAND_SHARE = 0.95
"""Share of half the sample rate up to which a resampler passes sound."""

EDGE_ACCURACY = 1.05
"""Accuracy of a measured upper edge (5 %). Content that reaches this close to half a sample rate is not cut off by
it."""

WIDEBAND_EDGE_HZ = 7_000
"""Upper edge of wideband speech: what a recording at 16 kHz keeps, and ITU-T G.722 carries. By itself it is no sign of
a fault."""

WIDEBAND_RATE_HZ = 22_050
"""From this sample rate on, a recording of a voice is expected to have treble above `EDGE_ERROR_HZ`."""

TONE_WARNING_DB, TONE_ERROR_DB = 35.0, 45.0
"""How far one frequency stands above its surroundings through a whole recording."""

SILENT_DBFS = -60.0
"""A recording whose loudest sample is below this carries no speech."""

SILENCE_INSERTED_S = 0.01
"""Total silence inserted into a sound. Shorter gaps are hardly audible; 10 ms or more cut a word in two."""

LEFT_OUT_S = 0.01
"""Total sound missing within a copy. For sound missing before the first or after the last word the limit is
`BORDER_LOST_S`."""

BORDER_LOST_S = 0.03
"""Sound missing at the beginning or at the end. Speech fades in and out, so less cannot be told apart from silence."""

OTHER_SOUND_S = 0.06
"""Total sound in an output that its input does not have. Shorter sounds are judged as clicks."""

REPEATED_S = 0.01
"""Total sound that a copy repeats."""

FLAT_TOPS_HZ = 10.0
"""Flat tops per second. Whole recordings were seen with up to 4.4 after resampling; overdriven ones have hundreds."""

ALL_FLAT_HZ = 500.0
"""Flat tops per second where nothing but flat tops is left. Samples that were all at full scale had 1,200."""

CLICKS_HZ = 0.2
"""Clicks per second: one in five seconds."""

NOISE_WARNING, NOISE_ERROR = 0.15, 0.2
"""Spectral flatness of the active parts. Speech stays below 0.02, whispering below 0.15; misread bytes gave
0.18 or more."""

UNLIKE_NOISE = 0.05
"""Spectral flatness that is added where the output is a copy of the input at no speed. 16-bit samples read as 32-bit
floats gave 0.086 to 0.25 in 28 replies, with and without the silence that values without meaning leave."""

PAIRED_SAMPLES_WARNING, PAIRED_SAMPLES_ERROR = 0.5, 0.9
"""Share of samples that equal their neighbour. Clean speech was seen up to 0.13, two channels read as one give 1."""

DC_DBFS = -34.0
"""DC offset. Eight-bit telephony has up to -35 dBFS because of its coarse steps."""

CLEARLY_WORSE: dict[str, tuple[float, float]] = {
    "bandwidth_hz": (NARROW_SHARE, 0.0),
    "clipping_rate_hz": (2.0, 0.0),
    "click_rate_hz": (2.0, 0.0),
    "flatness": (1.0, 0.05),
    "imaging": (1.0, 0.15),
    "tonality_db": (1.0, 6.0),
    "dc_dbfs": (1.0, 6.0),
}
"""Where a voice always shows a fault by itself, the factor and the addition by which a recording must exceed the worst
recording of the voice's profile. Gaps and misread bytes are not here: no voice has them by itself."""

SLOW_WARNING_S, SLOW_ERROR_S, SLOW_ERROR_P95_S = 1.5, 3.0, 3.5
"""Time to the first sound heard: median for a warning, median and 95th percentile for an error. In conversation people
answer within 0.2 s. Real Live models had medians of 1.5 to 2.6 s."""

OWN_AUDIO = frozenset({"virtual", "wire"})
"""Kinds of audio that use only devices of the measuring tool itself."""

LOSSY_OWN_AUDIO = frozenset({"virtual"})
"""Those of them that can lose sound if the machine is busy. The wire never loses sound, even when it runs late, so
sound that is missing there was lost by the client."""


def passes_unchanged(environment: Mapping[str, Any], kinds: frozenset[str]) -> bool:
    """Return whether the devices of a take are of one of these kinds and pass sound on unchanged (no room)."""
    return environment.get("audio", "wire") in kinds and not environment.get("room")


NEAR_SILENT_DBFS = -40.0
"""A recording whose loudest sample is below this has the length of speech at a level that hardly anyone hears."""

VOICE_RATE_WARNING, VOICE_RATE_ERROR = 0.04, ODD_SPEED
VOICE_TREBLE_WARNING_DB, VOICE_TREBLE_ERROR_DB = 4.0, ODD_TREBLE_DB
DULL_VOICE_RATE_WARNING, VERY_DULL_DB = 0.1, 10.0
"""Limits against the profile of a voice. Other words of the same voice spread by up to this much, and a single band by
twice that. A recording beyond the limit of an error is left out where a profile is made. Where more than `VERY_DULL_DB`
of treble is lost, formants are hidden and the speed is off by up to 8 %."""

REPLY_TREBLE_WARNING_DB = 5.0
"""Limit for a single reply of a conversation, which may have only 2 s of speech. Chosen on the development voices of
`benchmarks/voice_identity.py`, where 4 dB called 4 of 90 healthy replies dull."""
