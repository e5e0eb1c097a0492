"""`diag compare` of two recordings: what differs, and which one is better."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from diag.api.analyze import analyze
from diag.api.input_files import AUDIO_SUFFIXES
from diag.api.run import is_saved_run
from diag.core.errors import BadInputError
from diag.files.scenario_folders import configuration_files
from diag.judge.recording_comparison import RecordingComparison, compare_results

if TYPE_CHECKING:
    from diag.dsp.profile import VoiceProfile

_LOOKED_AT_BYTES = 4096


def are_recordings(a: str, b: str, *, raw: str | None = None) -> bool:
    """Return whether both sides of a comparison are recordings; False for configurations and saved runs.

    Raises
    ------
    BadInputError
        If one is a recording and the other is not, or one is a folder that is neither.
    """
    kinds = [_kind(item, raw) for item in (a, b)]
    if kinds[0] != kinds[1] and "recording" in kinds:
        raise BadInputError(
            f"Could not compare {a} and {b}",
            seen=f"{a} is a {kinds[0]}, {b} is a {kinds[1]}",
            allowed="two recordings, or two configurations or saved runs",
            next_step="name two of the same kind",
        )
    return kinds[0] == "recording"


def _kind(given: str, raw: str | None) -> str:
    path = Path(given)
    if path.suffix == ".toml":
        return "configuration"
    if is_saved_run(given):
        return "saved run"
    if path.is_dir():
        inside = next((item for item in sorted(path.iterdir()) if item.suffix.lower() in AUDIO_SUFFIXES), None)
        raise BadInputError(
            f"Could not compare {given}",
            seen="it is a folder, but not a saved run",
            allowed="a recording, a configuration or a saved run",
            next_step=f"name one recording in it, for example {inside}" if inside else "name a file",
        )
    if path.suffix.lower() in AUDIO_SUFFIXES or (raw is not None and path.is_file()):
        return "recording"
    if path.is_file() and given not in configuration_files() and not _is_text(path):
        return "recording"
    return "configuration"


def _is_text(path: Path) -> bool:
    """Return whether a file begins as text, as a configuration without the suffix .toml does."""
    with path.open("rb") as file:
        data = file.read(_LOOKED_AT_BYTES)
    return b"\0" not in data and all(byte >= 32 or byte in b"\t\r\n" for byte in data)


def compare_recordings(
    a: str | Path,
    b: str | Path,
    *,
    reference: str | Path | None = None,
    voice: str | Path | VoiceProfile | None = None,
    raw: str | None = None,
) -> RecordingComparison:
    """Compare two recordings.

    If they hold the same sound, B is compared with A as the output of a segment with its input, in both directions.
    Otherwise only what each shows by itself is compared.

    Parameters
    ----------
    a, b : path
    reference : path, optional
        What both should be a copy of. Each is then judged against it.
    voice, raw
        As in `analyze`.

    Raises
    ------
    BadInputError
        If a recording, the reference or the profile cannot be used.
    """
    one, other = (analyze(item, reference=reference, voice=voice, raw=raw) for item in (a, b))
    if raw is not None:
        return compare_results(one, other, None, None)
    pair = analyze(b, reference=a)
    back = analyze(a, reference=b)
    return compare_results(one, other, pair, back)
