"""Every limit that more than one rule applies, each with its source. Nothing else in the project defines them.

`docs/accuracy.md` has the tables that the figures were read from.
"""

from __future__ import annotations

RATE_WARNING, RATE_ERROR = 0.005, 0.01
"""Deviation of a segment's speed from 1. Beyond half a percent it is no drift of two clocks (a bad crystal is off by
0.02 %); beyond one percent it is a wrong sample rate."""

TREBLE_WARNING_DB, TREBLE_ERROR_DB = 3.0, 5.0
"""Treble lost on a segment. Listeners notice 5 dB in the octave around 8 kHz of speech (Monson et al., JASA 2014)."""

EDGE_WARNING_HZ, EDGE_ERROR_HZ = 10_000, 8_200
"""Upper edge of the content of a 24 kHz reply. Voices of that rate reach at least 10.5 kHz; a stage at 16 kHz leaves
8 kHz."""

PASSBAND_SHARE = 0.95
"""Share of half the sample rate up to which a resampler passes sound."""

EDGE_ACCURACY = 1.05
"""An upper edge is measured to 5 %: content that fills a sample rate is not reported as cut off by it."""

WIDEBAND_RATE_HZ = 22_050
"""From this sample rate on, a recording of a voice is expected to have treble above `EDGE_ERROR_HZ`."""

IMAGING_LIMIT = 0.22
"""Mirror correlation. Clean audio stays below 0.147, naive resampling begins at 0.28."""

TONE_WARNING_DB, TONE_ERROR_DB = 35.0, 45.0
"""How far one frequency stands above its surroundings through a whole recording."""

SILENT_DBFS = -60.0
"""A recording whose loudest sample is below this carries no speech."""

SILENCE_INSERTED_S = 0.01
"""Silence put into a sound, in total. Shorter gaps are hardly heard; 10 ms and more tear a word."""

LEFT_OUT_S = 0.01
"""Sound left out of a copy, in total. What is missing before the first or after the last word counts from
`BORDER_LOST_S`."""

BORDER_LOST_S = 0.03
"""Sound missing at the beginning or at the end. Borders of speech fade, so that less cannot be told from silence."""

OTHER_SOUND_S = 0.06
"""Sound in an output that its input does not have, in total; shorter sounds are judged as clicks."""

REPEATED_S = 0.01
"""Sound that a copy repeats, in total."""

FLAT_TOPS_HZ = 10.0
"""Flat tops per second. Whole recordings were seen with up to 4.4 after resampling; overdriven ones have hundreds."""

CLICKS_HZ = 0.2
"""Clicks per second: one in five seconds."""

NOISE_WARNING, NOISE_ERROR = 0.15, 0.2
"""Spectral flatness of the active parts. Speech stays below 0.02, whispering below 0.15; bytes read wrongly
gave 0.18 and more."""

PAIRED_SAMPLES_WARNING, PAIRED_SAMPLES_ERROR = 0.5, 0.9
"""Share of samples that equal their neighbour. Clean speech was seen up to 0.13, two channels read as one give 1."""

DC_DBFS = -34.0
"""Direct current. Eight-bit telephony has up to -35 dBFS by its coarse steps."""

LIVE_API_OUTPUT_HZ = 24_000
"""Sample rate at which the Live API answers."""

SLOW_WARNING_S, SLOW_ERROR_S, SLOW_ERROR_P95_S = 1.5, 3.0, 3.5
"""Time to the first sound heard: median for a warning, median and 95th percentile for an error. People answer
each other within 0.2 s; real Live models were seen at medians of 1.5 to 2.6 s."""

OWN_AUDIO = frozenset({"virtual", "wire"})
"""Kinds of audio whose devices are the harness's own: nobody else has a part in them."""

LOSSY_OWN_AUDIO = frozenset({"virtual"})
"""Those of them that can lose sound where the machine is busy. A wire that comes late catches up and loses nothing, so
what is lost there was lost behind its ports."""

NEAR_SILENT_DBFS = -40.0
"""A recording whose loudest sample is below this has the length of speech at a level that hardly anyone hears."""

VOICE_RATE_WARNING, VOICE_RATE_ERROR = 0.04, 0.06
VOICE_TREBLE_WARNING_DB, VOICE_TREBLE_ERROR_DB = 4.0, 6.0
DULL_VOICE_RATE_WARNING, VERY_DULL_DB = 0.1, 10.0
"""Limits against the profile of a voice. Other words of the same voice spread by up to this much, and a single band by
twice that. Where more than `VERY_DULL_DB` of treble is lost, formants are hidden and the speed is off by up to 8 %."""
