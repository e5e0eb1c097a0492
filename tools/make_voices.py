"""Makes the recorded prompts and replies in `scenarios/`: speech, exact bounds, figures.

    apt-get install espeak-ng flite festival festvox-us-slt-hts
    .venv/bin/python tools/make_voices.py             write WAV files, prompts.toml and replies.toml
    .venv/bin/python tools/make_voices.py --named     write the replies of the named voices only (espeak-ng)
    .venv/bin/python tools/make_voices.py --figures   print level, bandwidth, clipping and what a VAD hears

The synthesisers are deterministic: the same versions give the same bytes. Each utterance is resampled to 24 kHz,
cut at its first and last sample above `CUT_DBFS`, faded over `FADE_S` outside of the cut, set to `LEVEL_DBFS` and
surrounded by digital silence. So the bounds that the tables state do not depend on anybody's threshold: between
-45 and -70 dBFS every threshold finds them within the fade.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import soxr
import webrtcvad
from numpy.typing import NDArray

RATE_HZ = 24000
LEVEL_DBFS = -23.0
CUT_DBFS = -42.0
SPAN_DBFS = -60.0
FADE_S = 0.004
SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"
PACKAGES = {"espeak-ng": "espeak-ng", "flite": "flite", "festival": "festvox-us-slt-hts"}

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """One utterance. `parts` are spoken with `pause_s` of silence between them."""

    name: str
    language: str
    voice: str
    parts: tuple[str, ...]
    pause_s: float = 0.0
    lead_s: float = 0.15
    tail_s: float = 0.2
    answers: tuple[str, ...] = ()
    kind: str = ""
    speaker: str = ""

    @property
    def text(self) -> str:
        """What is said."""
        return " ".join(self.parts)


PROMPTS = (
    Line("weather_in_seoul", "en-GB", "espeak-ng:en-gb", ("What is the weather like in Seoul this afternoon?",)),
    Line("ko_can_you_hear_me", "ko-KR", "espeak-ng:ko+f2", ("안녕하세요, 제 목소리가 잘 들리나요?",)),
    Line("yes", "en-GB", "flite:awb", ("Yes.",)),
    Line("can_you_hear_me", "en-US", "festival:cmu_us_slt_arctic_hts", ("Hello! Can you hear me clearly?",)),
    Line(
        "train_with_a_pause", "en-US", "festival:cmu_us_slt_arctic_hts",
        ("I need to be at the airport", "before six on Friday morning."), pause_s=0.35,
    ),
    Line("ko_weather", "ko-KR", "espeak-ng:ko+f4", ("오늘 서울 날씨는 어때요?",)),
    Line("ko_meeting_room", "ko-KR", "espeak-ng:ko", ("내일 오후 세 시에 사 층 회의실을 예약해 주세요.",)),
    Line(
        "table_for_six", "en-US", "flite:rms",
        ("Please book a table for six people on Saturday evening, and send me the confirmation.",),
    ),
    Line("thanks", "en-GB", "espeak-ng:en-gb", ("Thanks.",)),
    Line("mm_hmm", "en-GB", "espeak-ng:en-gb+f2", ("Mhm-hmm.",), kind="back_channel"),
)  # fmt: skip

REPLIES = (
    Line(
        "hearing_you_well", "en-US", "festival:cmu_us_slt_arctic_hts",
        ("Yes, I can hear you clearly. What can I do for you?",), lead_s=0.06, answers=("can_you_hear_me",),
    ),
    Line(
        "sunny_in_seoul", "en-US", "espeak-ng:en-us+f3",
        ("Seoul is sunny this afternoon, sixteen degrees, with a fresh breeze from the east.",),
        lead_s=0.04, answers=("weather_in_seoul",),
    ),
    Line(
        "table_is_booked", "en-GB", "espeak-ng:en-gb",
        ("Sure. A table for six is booked for Saturday at seven.",),
        lead_s=0.09, answers=("table_for_six",),
    ),
    Line(
        "take_the_express", "en-US", "festival:cmu_us_slt_arctic_hts",
        ("Take the express at five past five. It stops at the airport.",),
        lead_s=0.05, answers=("train_with_a_pause",),
    ),
    Line(
        "so_be_it", "en-US", "espeak-ng:en-us+f3",
        ("Great, then it is settled. Is there something else?",), lead_s=0.03, answers=("yes",),
    ),
    Line(
        "you_are_welcome", "en-US", "espeak-ng:en-us+f3",
        ("You're welcome.",), lead_s=0.03, answers=("thanks",),
    ),
    Line(
        "ko_hearing_you_well", "ko-KR", "espeak-ng:ko",
        ("네, 아주 잘 들립니다. 무엇을 도와드릴까요?",), lead_s=0.07, answers=("ko_can_you_hear_me",),
    ),
    Line(
        "ko_room_is_booked", "ko-KR", "espeak-ng:ko+f2",
        ("네, 내일 오후 세 시에 사 층 회의실을 예약했습니다.",), lead_s=0.05, answers=("ko_meeting_room",),
    ),
    Line(
        "ko_sunny_in_seoul", "ko-KR", "espeak-ng:ko+f2",
        ("서울은 오늘 맑고, 낮 기온은 십육 도입니다.",), lead_s=0.08, answers=("ko_weather",),
    ),
    Line(
        "say_it_again", "en-US", "festival:cmu_us_slt_arctic_hts",
        ("Sorry, I missed some of this. Could you please say it once more?",), lead_s=0.06, kind="ask_back",
    ),
)  # fmt: skip


SPEAKERS = {"high": "f3", "low": "m3"}
"""The two speakers of all named voices, and the variant of espeak-ng that speaks for each in every language."""
SENTENCES = (
    ("north_wind", "en-US", "The north wind blew over the hills before the first travellers had reached the village."),
    ("six_boxes", "en-US", "She chose six fresh peaches, a jar of honey, and two boxes of that strange yellow cheese."),
    (
        "quiet_voices",
        "en-US",
        "Quiet voices from the garden pause for a moment, then laughter breaks out again and fills the whole street.",
    ),
    ("zero_four", "en-US", "Your code is seven zero four five. Please check it twice, and then press the star key."),
    ("ko_morning", "ko-KR", "아침 햇살이 창문으로 들어오자 방 안이 금세 따뜻해졌고, 커피 향이 퍼졌습니다."),
    ("ko_station", "ko-KR", "지하철역은 여기서 걸어서 십 분쯤 걸리고, 버스는 자주 다닙니다."),
)
"""Sentences that `diag voice make --tts` asks for, as in `diag.api.speech_defaults`."""


def named_lines() -> Iterator[Line]:
    """Yield every reply and every sentence, spoken by both speakers of the named voices."""
    for speaker, variant in SPEAKERS.items():
        for line in REPLIES:
            voice = f"espeak-ng:{'ko' if line.language == 'ko-KR' else 'en-us'}+{variant}"
            yield replace(line, name=f"{line.name}_{speaker}", voice=voice, speaker=speaker)
        for name, language, text in SENTENCES:
            voice = f"espeak-ng:{'ko' if language == 'ko-KR' else 'en-us'}+{variant}"
            yield Line(f"{name}_{speaker}", language, voice, (text,), kind="sentence", speaker=speaker)


def main() -> int:
    """Write the files, or print their figures."""
    parser = argparse.ArgumentParser(description="Makes the recorded prompts and replies in scenarios/.")
    parser.add_argument("--figures", action="store_true", help="measure the files that are there; write nothing")
    parser.add_argument("--named", action="store_true", help="write the replies of the named voices only")
    given = parser.parse_args()
    if not given.figures and not given.named:
        make(PROMPTS, "prompt")
        make(REPLIES, "reply")
    if not given.figures:
        make_named()
    print_figures(PROMPTS, "prompts")
    print_figures(REPLIES, "replies")
    return 0


def make(lines: tuple[Line, ...], what: str) -> None:
    """Speak every line and write its WAV file and the table beside them."""
    folder = SCENARIOS / {"prompt": "prompts", "reply": "replies"}[what]
    folder.mkdir(parents=True, exist_ok=True)
    heading = f"# Made by tools/make_voices.py. Bounds: first and last sample above {SPAN_DBFS:.0f} dBFS.\n"
    entries = []
    for line in lines:
        samples = whole_utterance(line)
        soundfile.write(folder / f"{line.name}.wav", samples, RATE_HZ, subtype="PCM_16")
        entries.append(toml_entry(line, what, audible_span_s(read(folder / f"{line.name}.wav"))))
    (folder / f"{folder.name}.toml").write_text("\n".join([heading, *entries]), encoding="utf-8")


def make_named() -> None:
    """Speak the lines of the named voices, and write their FLAC files and the table beside those of the replies."""
    folder = SCENARIOS / "replies" / "named"
    folder.mkdir(parents=True, exist_ok=True)
    entries = ["# Made by tools/make_voices.py --named.\n"]
    for line in named_lines():
        path = folder / f"{line.name}.flac"
        soundfile.write(path, whole_utterance(line), RATE_HZ, subtype="PCM_16")
        entries.append(toml_entry(line, "reply", audible_span_s(read(path)), f"named/{path.name}"))
    (SCENARIOS / "replies" / "named_voices.toml").write_text("\n".join(entries), encoding="utf-8")


def whole_utterance(line: Line) -> Samples:
    """The parts of a line with their pauses, levelled, in silence. Shape (n,), 24 kHz."""
    parts = [trimmed(speak(line.voice, part)) for part in line.parts]
    gap = np.zeros(round(max(line.pause_s - 2 * FADE_S, 0) * RATE_HZ))
    speech = parts[0]
    for part in parts[1:]:
        speech = np.concatenate([speech, gap, part])
    speech = speech * 10 ** ((LEVEL_DBFS - active_level_dbfs(speech)) / 20)
    pads = [np.zeros(round(seconds * RATE_HZ)) for seconds in (line.lead_s, line.tail_s)]
    return np.concatenate([pads[0], speech, pads[1]])


def speak(voice: str, text: str) -> Samples:
    """One text from one voice at 24 kHz, level as in the finished file. Shape (n,)."""
    engine, name = voice.split(":")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        commands = {
            "espeak-ng": ["espeak-ng", "-v", name, "-s", "165", "-w", str(path), "--stdin"],
            "flite": ["flite", "-voice", name, "-f", "/dev/stdin", "-o", str(path)],
            "festival": ["text2wave", "-eval", f"(voice_{name})", "-o", str(path)],
        }
        subprocess.run(commands[engine], input=text.encode(), check=True, timeout=60, capture_output=True)
        samples, rate_hz = soundfile.read(path, dtype="float64")
    resampled = soxr.resample(samples, rate_hz, RATE_HZ, quality="VHQ")
    return np.asarray(resampled * 10 ** ((LEVEL_DBFS - active_level_dbfs(resampled)) / 20))


def trimmed(samples: Samples) -> Samples:
    """Speech from its first to its last sample above the cut, with a raised-cosine fade outside of it."""
    loud = np.flatnonzero(np.abs(samples) > 10 ** (CUT_DBFS / 20))
    fade = round(FADE_S * RATE_HZ)
    padded = np.pad(samples, fade)
    speech = padded[loud[0] : loud[-1] + 1 + 2 * fade].copy()
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    speech[:fade] *= ramp
    speech[-fade:] *= ramp[::-1]
    return speech


def active_level_dbfs(samples: Samples) -> float:
    """RMS level of the 20 ms frames within 30 dB of the loudest one."""
    size = RATE_HZ // 50
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power = (frames**2).mean(axis=1)
    return float(10 * np.log10(power[power > power.max() / 1000].mean()))


def audible_span_s(samples: Samples) -> tuple[float, float]:
    """First sample above the stated threshold and the end of the last one, in seconds."""
    loud = np.flatnonzero(np.abs(samples) > 10 ** (SPAN_DBFS / 20))
    return loud[0] / RATE_HZ, (loud[-1] + 1) / RATE_HZ


def toml_entry(line: Line, what: str, span_s: tuple[float, float], file: str = "") -> str:
    """One table of prompts.toml or replies.toml."""
    start = "speech_start_s" if what == "prompt" else "first_audible_s"
    fields = [f"[[{what}]]", f'name = "{line.name}"', f'file = "{file or line.name + ".wav"}"', f'text = "{line.text}"']
    fields += [f'language = "{line.language}"', f'voice = "{line.voice}"']
    fields += [f"{start} = {span_s[0]:.6f}", f"speech_end_s = {span_s[1]:.6f}"]
    if line.answers:
        quoted = ", ".join('"' + name + '"' for name in line.answers)
        fields.append(f"answers = [{quoted}]")
    if line.speaker:
        fields.append(f'speaker = "{line.speaker}"')
    if line.kind == "back_channel":
        fields.append("back_channel = true")
    elif line.kind:
        fields.append(f'kind = "{line.kind}"')
    fields.append(f'made_with = "{made_with(line)}"')
    return "\n".join(fields) + "\n"


def made_with(line: Line) -> str:
    """Synthesiser with its package version, and what was done to its output."""
    engine = line.voice.split(":")[0]
    package = PACKAGES[engine]
    version = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], check=True, capture_output=True, text=True
    ).stdout
    pause = f", {line.pause_s * 1000:.0f} ms of silence put between its parts" if line.pause_s else ""
    return (
        f"{package} {version}, resampled to {RATE_HZ} Hz with soxr VHQ{pause}, cut at {CUT_DBFS:.0f} dBFS, "
        f"active level {LEVEL_DBFS:.0f} dBFS"
    )


def read(path: Path) -> Samples:
    """A finished file. Shape (n,)."""
    samples, rate_hz = soundfile.read(path, dtype="float64")
    if rate_hz != RATE_HZ or samples.ndim != 1:
        sys.exit(f"{path}: {rate_hz} Hz, shape {samples.shape}; expected mono at {RATE_HZ} Hz")
    return np.asarray(samples)


def print_figures(lines: tuple[Line, ...], folder: str) -> None:
    """Level, bandwidth and clipping of every file, and what WebRTC's detector hears in it at 16 kHz."""
    columns = f"{'s':>6}{'speech':>14}{'active':>8}{'peak':>7}{'clip':>5}{'edge':>8}{'9-10.8k':>9}{'VAD':>14}{'gap':>6}"
    print(f"\n{folder:<22}{columns}")
    for line in lines:
        samples = read(SCENARIOS / folder / f"{line.name}.wav")
        start_s, end_s = audible_span_s(samples)
        edge_hz, treble_db = bandwidth_hz(samples)
        vad_start_s, vad_end_s, gap_s = heard_by_vad(samples)
        clipped = int((np.abs(samples) >= 32767 / 32768).sum())
        peak_dbfs = 20 * np.log10(np.abs(samples).max())
        print(
            f"{line.name:<22}{len(samples) / RATE_HZ:6.2f}{start_s:8.3f}-{end_s:5.3f}{active_level_dbfs(samples):8.1f}"
            f"{peak_dbfs:7.1f}{clipped:5d}{edge_hz:8.0f}{treble_db:9.1f}{vad_start_s:8.2f}-{vad_end_s:5.2f}"
            f"{gap_s * 1000:6.0f}"
        )


def bandwidth_hz(samples: Samples) -> tuple[float, float]:
    """Upper edge of the content, and how far 9-10.8 kHz stands above 16-bit quantisation noise.

    The edge is the highest spectrum bin, averaged over active frames, more than 20 dB above that noise.
    """
    size = 1024
    window = np.hanning(size)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2 / (window**2).sum()
    active = power[power.sum(axis=1) > power.sum(axis=1).max() / 10_000].mean(axis=0)
    noise = (2.0**-15) ** 2 / 12
    over_db = 10 * np.log10(active / noise + 1e-12)
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    band = (hz >= 9000) & (hz <= 10800)
    return float(hz[over_db > 20].max()), float(10 * np.log10(active[band].mean() / noise))


def heard_by_vad(samples: Samples) -> tuple[float, float, float]:
    """First and last speech by WebRTC's detector (16 kHz, 20 ms, mode 2), and its longest gap between."""
    pcm = np.clip(np.rint(soxr.resample(samples, RATE_HZ, 16000, quality="VHQ") * 32768), -32768, 32767)
    detector = webrtcvad.Vad(2)
    frames = [pcm[i : i + 320].astype("<i2").tobytes() for i in range(0, len(pcm) - 319, 320)]
    speech = np.flatnonzero([detector.is_speech(frame, 16000) for frame in frames])
    gap = int(np.diff(speech).max()) - 1 if len(speech) > 1 else 0
    return speech[0] * 0.02, (speech[-1] + 1) * 0.02, gap * 0.02


if __name__ == "__main__":
    sys.exit(main())
