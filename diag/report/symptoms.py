"""What users hear and say, the findings that can cause it, and the words of this project.

`diag explain` looks words up here. `tools/make_reference.py` makes docs/troubleshooting.md and docs/glossary.md of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diag.core.chain import Hop
from diag.judge.registry import Rule, Scope


@dataclass(frozen=True)
class Symptom:
    """Something that users hear or see.

    Parameters
    ----------
    title : str
        One sentence without a full stop.
    words : tuple of str
        Words by which `diag explain` finds it, in lower case; the first one is its name.
    codes : tuple of str
        Findings that can cause it, the most usual first. A code of the player stands for the same fault of the
        loudspeaker too, and a code of the sender for that of the microphone.
    commands : tuple of (str, str)
        A command, and what it tells apart.
    """

    title: str
    words: tuple[str, ...]
    codes: tuple[str, ...]
    commands: tuple[tuple[str, str], ...]


_RUN = ("diag run my_app.toml", "records the sound between all parts, and names the part where the fault arises")
_APP = ("diag run --app http://127.0.0.1:8000/voice.html", "does the same with your own page or program as the client")
_AGAINST = (
    "diag analyze heard.wav --reference received.wav",
    "shows whether the fault arises after the reply was received; if not, the service sent it so",
)
_ALONE = ("diag analyze heard.wav", "shows where in one recording it can be heard")

SYMPTOMS = (
    Symptom(
        "The voice is dull or muffled, or sounds like a telephone",
        ("dull", "muffled", "muddy", "telephone", "treble", "bandwidth"),
        ("PLY002", "WEB001", "WEB003", "SVC005", "REC006", "REC012"),
        (
            _RUN,
            _AGAINST,
            ("diag analyze received.wav --voice kore.voice.json", "shows whether the service sent a dull voice"),
        ),
    ),
    Symptom(
        "The voice is too slow and deep, or too fast and high",
        ("slow", "fast", "deep", "high", "pitch", "speed", "chipmunk", "slowed"),
        ("PLY001", "WEB001", "WEB003", "SVC010", "PLY018", "REC010", "REC013"),
        (_RUN, _APP, _AGAINST),
    ),
    Symptom(
        "The answer comes late",
        ("late", "slow", "latency", "delay", "lag", "wait", "waiting"),
        ("SVC001", "PLY007", "SND004", "SND006", "SND005", "SVC012", "SVC004", "WEB009", "CFG012"),
        (
            _RUN,
            (
                "diag compare healthy my_app.toml --takes 20",
                "shows how much later than diag's own client, at which stage",
            ),
        ),
    ),
    Symptom(
        "There is no answer, or nothing can be heard",
        ("silent", "silence", "mute", "nothing", "no answer", "no sound", "no audio", "no reply"),
        (
            "CFG001",
            "SVC002",
            "SVC003",
            "PLY006",
            "SND009",
            "SVC013",
            "WEB004",
            "WEB005",
            "WEB012",
            "WEB011",
            "APP001",
            "APP002",
            "APP003",
            "CFG002",
            "CFG003",
            "CFG004",
            "CFG005",
            "CFG006",
            "CFG009",
            "CFG010",
            "CFG011",
            "CFG012",
            "CFG013",
            "SND006",
            "SVC014",
            "SVC015",
            "REC001",
            "REC002",
        ),
        (
            ("diag doctor --setup frame.json", "judges the first message of your client without a connection"),
            _RUN,
            _APP,
        ),
    ),
    Symptom(
        "The voice is chopped: it has gaps or stutters",
        ("chopped", "choppy", "stutter", "stutters", "gaps", "gap", "dropout", "dropouts", "breaks", "underrun"),
        ("PLY003", "PLY011", "SVC004", "WEB010", "PLY017", "SVC011", "REC004"),
        (_RUN, _AGAINST, _ALONE),
    ),
    Symptom(
        "The voice is robotic, metallic, hollow or tinny",
        ("robotic", "robot", "metallic", "tinny", "thin", "hollow", "artificial", "images", "aliasing"),
        ("PLY005", "PLY016", "PLY020", "PLY018", "PLY015", "PLY012", "REC007"),
        (_RUN, _AGAINST, _ALONE),
    ),
    Symptom(
        "It crackles, clicks or is distorted",
        ("crackle", "crackles", "click", "clicks", "pops", "distorted", "distortion", "clipping", "clipped"),
        ("PLY004", "PLY008", "PLY015", "WEB003", "SVC011", "REC003", "REC005"),
        (_RUN, _AGAINST, _ALONE),
    ),
    Symptom(
        "There is noise, hum or a tone",
        ("noise", "noisy", "hiss", "hum", "buzz", "static", "tone", "beep", "garbage"),
        ("PLY009", "PLY014", "SVC007", "REC008", "REC009", "REC011"),
        (_RUN, _AGAINST, _ALONE),
    ),
    Symptom(
        "There is an echo, or the sound is there twice",
        ("echo", "twice", "double", "doubled", "repeated", "repeats"),
        ("MIC006", "PLY012", "SVC008", "PLY017"),
        (_RUN, ("diag run my_app.toml --audio system", "shows whether your microphone picks up your loudspeaker")),
    ),
    Symptom(
        "The voice is too quiet or too loud",
        ("quiet", "loud", "volume", "level", "faint", "pumping"),
        ("PLY013", "SVC013", "REC002", "PLY008"),
        (_RUN, _AGAINST),
    ),
    Symptom(
        "The answer stops in the middle, or the call ends",
        ("cut", "truncated", "interrupted", "interrupts", "stops", "ends", "disconnect", "disconnected"),
        ("SVC006", "SVC009", "CFG008", "PLY011", "MIC006", "SVC014", "CFG010"),
        (_RUN, ("diag proxy", "records what your client and the service say to each other until the end")),
    ),
    Symptom(
        "The service misunderstands what was said",
        ("misunderstood", "misunderstands", "misheard", "nonsense", "transcript", "wrong answer"),
        ("SND001", "SND022", "SND002", "SND003", "SND008", "SND007", "SND010", "SND019", "MIC006", "WEB002", "WEB007"),
        (
            _RUN,
            _APP,
            ("diag analyze sent.wav --reference prompt.wav", "shows what happened to the voice before it was sent"),
        ),
    ),
    Symptom(
        "Words come in the wrong order",
        ("scrambled", "order", "jumbled"),
        ("PLY019", "PLY017", "SVC008"),
        (_RUN, _AGAINST),
    ),
    Symptom(
        "It is another voice than usual",
        ("other voice", "another voice", "wrong voice", "voice"),
        ("SVC016", "REC014", "REC013", "REC012"),
        (("diag analyze received.wav --voice kore.voice.json", "compares a reply with other recordings of the voice"),),
    ),
)

GLOSSARY = {
    "baseline": "Takes of an accepted release, kept by `diag bench --update-baseline`, to compare later ones with.",
    "blind": "Measured on one recording alone, without anything to compare it with.",
    "bench": "The decision before a release: takes of the product, held against those of its last accepted release.",
    "calibration": "A short sound at the start of a take that measures the delay between the devices.",
    "captured": "The tap behind the microphone: what the client got.",
    "chunk": "A piece of audio in one message of the service.",
    "clear": "Checked, and nothing was found.",
    "consequence": "A finding that another finding explains. It disappears when that one is fixed.",
    "discarded": "Recorded, but not counted, because this machine disturbed the measurement (ENV004).",
    "ear": "The measuring microphone: it records what comes out of the loudspeaker.",
    "emulator": "The simulated Live API that comes with diag. It needs no key.",
    "faithful copy": "A recording that holds what its reference holds: right speed, whole treble, nothing missing or "
    "added.",
    "finding": "A fault that was found, with its evidence, cause and fix. It has a code such as PLY001.",
    "flat top": "Neighbouring samples at one highest value: the sound was louder than the samples can be, and was cut.",
    "heard": "The tap at the ear: what comes out of the loudspeaker.",
    "hop": "The part of the chain between two neighbouring taps: microphone, sender, service, player or speaker.",
    "lufs": "Loudness as people hear it (ITU-R BS.1770). Speech is usually between -30 and -16 LUFS.",
    "microphone": "The hop from the prompt to what the client gets from its microphone.",
    "mouth": "The loudspeaker that plays the prompt to the client's microphone.",
    "not checked": "A fault that could not be looked for in this case, with the reason.",
    "not shown": "Something that has to be right for a good verdict, and could not be measured, with the reason.",
    "played": "The tap in front of the loudspeaker: what the client gave to it.",
    "player": "The hop from the audio in the service's messages to what the client gives to the loudspeaker.",
    "profile": "How a voice usually sounds, made from recordings of it with `diag voice make`.",
    "prompt": "What is said to the service in a take.",
    "received": "The tap behind the service: the audio in its messages.",
    "rig": "A set of mouth, microphone, loudspeaker and ear that records one take at a time.",
    "run": "All takes of one configuration that were recorded together.",
    "scenario": "A configuration, with the findings that it is expected to give.",
    "segment": "The part of the chain between two taps that were recorded. It covers several hops if a tap between "
    "them is missing.",
    "semitone": "A twelfth of an octave: the step from one piano key to the next.",
    "sender": "The hop from what the client gets from its microphone to the audio in its messages.",
    "sent": "The tap in front of the service: the audio in the client's messages.",
    "service": "The hop from the client's messages to the service's: the Live API itself.",
    "severity": "How bad a finding is: error, warning or info.",
    "speaker": "The hop from what the client gives to the loudspeaker to what comes out of it.",
    "take": "One recorded conversation.",
    "tap": "A point of the chain at which the sound is recorded: prompt, captured, sent, received, played or heard.",
    "tier": "Where a value comes from: waveform, profile, blind or events. Values of two tiers are never combined.",
    "turn": "One prompt and the reply to it.",
    "underrun": "A player or device had nothing to play when audio was due.",
    "xrun": "Audio that a device lost (overrun) or had to fill with silence (underrun).",
}
"""Words of this project, in lower case, with their meaning."""


_SIDE: dict[Hop | None, str] = {
    Hop.MICROPHONE: "to the service",
    Hop.SENDER: "to the service",
    Hop.PLAYER: "back",
    Hop.SPEAKER: "back",
}


def symptoms_of(words: str) -> tuple[Symptom, ...]:
    """Return the symptoms with this word or these words."""
    wanted = " ".join(words.lower().split())
    return tuple(symptom for symptom in SYMPTOMS if wanted in symptom.words)


def rules_of(symptom: Symptom, rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules of a symptom's findings, with those of the same fault on the neighbouring hop."""
    by_code = {rule.code: rule for rule in rules}
    found: dict[str, Rule] = {}
    for code in symptom.codes:
        rule = by_code.get(code)
        if rule is None:
            continue
        found[code] = rule
        if rule.scope is Scope.SEGMENT:
            same = [
                other
                for other in rules
                if other.function is rule.function and _SIDE.get(other.hop) == _SIDE.get(rule.hop)
            ]
            found |= {other.code: other for other in same}
    return list(found.values())
