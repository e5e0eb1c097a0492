"""The example apps through diag: healthy ones must show nothing, and planted faults must be the first finding.

A line for each says how many takes showed what they must, and what was seen.

    python -m benchmarks.app_examples --takes 20 ring_buffer
    python -m benchmarks.app_examples --takes 5 --faults ring_buffer
    python -m benchmarks.app_examples --takes 5 node_genai:quiet
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from diag.api.options import Options
from diag.api.run import run
from diag.core.results import Severity, TakeResult

FOLDER = Path(__file__).resolve().parents[1] / "examples"
SENDER, PLAYER, SERVICE = "prompt → sent", "received → heard", ""


@dataclass(frozen=True)
class Example:
    """An example app.

    Parameters
    ----------
    config : str
        Its configuration, below `examples/`.
    faults : mapping of str to (str, str)
        For each fault that it can plant, the code that must be found first, and the segment on which.
    faulty_config : str, optional
        The configuration that plants faults, if the healthy one does not.
    usual_pace : tuple of str
        Faults that show only with a service of the usual pace, although the healthy app needs a faster one.
    """

    config: str
    faults: Mapping[str, tuple[str, str]]
    faulty_config: str | None = None
    usual_pace: tuple[str, ...] = ()


EXAMPLES = {
    "python_genai": Example(
        "python_genai/app.toml",
        {
            "playback_16k": ("PLY001", PLAYER),
            "capture_48k": ("SND001", SENDER),
            "dropped_batches": ("SND008", SENDER),
            "no_modality": ("CFG001", SERVICE),
            "short_queue": ("PLY011", PLAYER),
            "wrong_bytes": ("PLY009", PLAYER),
        },
    ),
    "python_websocket": Example(
        "python_websocket/app.toml",
        {
            "no_modality": ("CFG001", SERVICE),
            "old_model": ("CFG002", SERVICE),
            "capture_48k": ("SND001", SENDER),
            "long_batches": ("SND004", SERVICE),
            "dropped_chunks": ("PLY011", PLAYER),
            "stereo": ("PLY001", PLAYER),
        },
    ),
    "node_genai": Example(
        "node_genai/app.toml",
        {
            "playback_16k": ("PLY001", PLAYER),
            "capture_48k": ("SND001", SENDER),
            "asks_for_text": ("CFG003", SERVICE),
            "lost_chunks": ("PLY011", PLAYER),
            "wrong_bytes": ("PLY009", PLAYER),
            "quiet": ("PLY013", PLAYER),
        },
    ),
    "buffer_source": Example(
        "pages/buffer_source.toml",
        {
            "context_48k": ("WEB003", SERVICE),
            "buffers_16k": ("WEB001", SERVICE),
            "no_schedule": ("WEB010", SERVICE),
            "not_connected": ("WEB004", SERVICE),
            "lost_chunks": ("PLY011", PLAYER),
        },
    ),
    "script_processor": Example(
        "pages/script_processor.toml",
        {
            "busy_page": ("WEB008", SERVICE),
            "capture_48k": ("WEB002", SERVICE),
            "long_batches": ("WEB009", SERVICE),
            "overdriven": ("PLY008", PLAYER),
            "lost_chunks": ("PLY011", PLAYER),
        },
    ),
    "ring_buffer": Example(
        "pages/ring_buffer.toml",
        {
            "context_16k": ("WEB001", SERVICE),
            "suspended": ("WEB005", SERVICE),
            "small_ring": ("PLY011", PLAYER),
            "long_lead": ("PLY007", SERVICE),
            "one_byte_off": ("PLY009", PLAYER),
            "wrong_wrap": ("PLY011", PLAYER),
        },
    ),
    "media_recorder": Example(
        "pages/media_recorder.toml",
        {
            "stereo_as_mono": ("SND003", SENDER),
            "no_modality": ("CFG001", SERVICE),
            "lost_slices": ("SND008", SENDER),
            "decoded_at_48k": ("SND001", SENDER),
            "low_bitrate": ("SND007", SENDER),
        },
    ),
    "wav_element": Example(
        "pages/wav_element.toml",
        {
            "blob_per_chunk": ("PLY003", PLAYER),
            "whole_reply": ("PLY007", SERVICE),
            "newest_only": ("PLY011", PLAYER),
            "header_16k": ("PLY001", PLAYER),
            "wrong_bytes": ("PLY009", PLAYER),
            "quiet": ("PLY013", PLAYER),
        },
        usual_pace=("whole_reply", "newest_only"),
    ),
    "voice_app": Example(
        "voice_app/continuous_voice.toml",
        {
            "modality_missing": ("CFG001", SERVICE),
            "old_model": ("CFG002", SERVICE),
            "playback_16k": ("WEB001", SERVICE),
            "two_contexts": ("WEB001", SERVICE),
            "no_destination": ("WEB004", SERVICE),
            "tiny_buffer": ("PLY011", PLAYER),
            "huge_buffer": ("PLY007", SERVICE),
            "linear_chunks": ("PLY005", PLAYER),
            "duplicate_declaration": ("WEB006", SERVICE),
            "missing_catch": ("WEB006", SERVICE),
            "float_mixup": ("PLY009", PLAYER),
        },
        "voice_app/index.toml",
    ),
}


def write_config(example: Example, fault: str | None, folder: Path) -> Path:
    """Write the configuration of an example with a fault planted; return its file."""
    source = FOLDER / ((example.faulty_config if fault else None) or example.config)
    text = source.read_text(encoding="utf-8")
    if fault in example.usual_pace:
        text = re.sub(r"^pace = .*\n", "", text, flags=re.MULTILINE)
    if fault is not None:
        text = re.sub(r"\?fault=\w*", "", text)
        text = re.sub(r'^(url = ".*?)"', rf'\1?fault={fault}"', text, flags=re.MULTILINE)
        text = re.sub(r'^(command = ".*?)"', rf'\1 --fault={fault}"', text, flags=re.MULTILINE)
    path = folder / f"{source.stem}_{fault or 'healthy'}.toml"
    path.write_text(text.replace("[app]\n", f'[app]\ndirectory = "{source.parent}"\n'), encoding="utf-8")
    return path


def roots_of(take: TakeResult) -> list[tuple[str, str]]:
    """Return code and segment of each warning and error that is no consequence, the first one first."""
    found = [item for item in take.findings if item.consequence_of is None and item.severity is not Severity.INFO]
    segments = [f"{item.segment.first} → {item.segment.last}" if item.segment else "" for item in found]
    return [(item.code, segment) for item, segment in zip(found, segments, strict=True)]


def measure(name: str, fault: str | None, options: Options) -> bool:
    """Record takes of an example, print one line, and return whether all takes showed what they must."""
    example = EXAMPLES[name]
    with tempfile.TemporaryDirectory() as folder:
        (result,) = run(str(write_config(example, fault, Path(folder))), options).runs
    counted = [take for take in result.takes if take.discarded is None]
    roots = [roots_of(take) for take in counted]
    if fault is None:
        right = sum(not found for found in roots)
        wanted = "nothing"
    else:
        code, segment = example.faults[fault]
        right = sum(bool(found) and found[0] == (code, segment or found[0][1]) for found in roots)
        wanted = f"{code} {segment}".strip()
    good = right == len(counted) == options.takes
    seen = Counter(", ".join(f"{code} {segment}".strip() for code, segment in found) or "nothing" for found in roots)
    discarded = len(result.takes) - len(counted)
    print(
        f"{name:<17} {fault or 'healthy':<22} {right}/{len(counted)} {'reached' if good else 'MISSED'}"
        f"  wanted {wanted}; {discarded} discarded; seen {dict(seen)}",
        flush=True,
    )
    return good


def main() -> int:
    """Measure the named examples; return 1 if a take did not show what it must."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="EXAMPLE[:FAULT]", help=", ".join(EXAMPLES))
    parser.add_argument("--takes", type=int, default=5)
    parser.add_argument("--faults", action="store_true", help="the planted faults instead of the healthy example")
    parser.add_argument("--prompt", default="can_you_hear_me")
    parser.add_argument("--rigs", type=int)
    parser.add_argument("--out", type=Path, default=Path("reports"))
    given = parser.parse_args()
    options = Options(takes=given.takes, prompts=(given.prompt,), rigs=given.rigs, out=given.out, embed="none")
    good = True
    for item in given.names or EXAMPLES:
        name, _, fault = item.partition(":")
        for planted in (fault,) if fault else EXAMPLES[name].faults if given.faults else (None,):
            good = measure(name, planted, options) and good
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
