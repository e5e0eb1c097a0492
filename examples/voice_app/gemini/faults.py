"""Faults that `index.html` can have. Each was seen in a real application; the healthy page has none."""

from collections.abc import Iterable

FAULTS = {
    "modality_missing": "the setup frame does not ask for audio",
    "old_model": "the setup frame names a model that the service does not know",
    "playback_16k": "24 kHz audio is played in a context of 16 kHz: slow and deep",
    "two_contexts": "the player's context feeds another one of 16 kHz: dull",
    "no_destination": "the player is not connected to the destination: silence",
    "tiny_buffer": "the player's buffer holds 250 ms and drops the rest",
    "huge_buffer": "the player waits for 3 s of audio, or the end of the reply",
    "linear_chunks": "each chunk is resampled to 48 kHz by itself, with linear interpolation",
    "duplicate_declaration": "a variable is declared twice: the script does not start",
    "missing_catch": "a try block has no catch: the script does not start",
    "float_mixup": "16-bit samples are read as 32-bit floating point: noise",
}


def read_faults(text: str) -> frozenset[str]:
    """Return the faults named in a text, separated by commas; unknown names are left out."""
    return frozenset(name for name in text.split(",") if name in FAULTS)


def as_text(faults: Iterable[str]) -> str:
    """Return faults as `read_faults` reads them."""
    return ",".join(sorted(faults))
