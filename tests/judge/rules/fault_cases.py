"""One synthetic take a fault: what happened, and exactly which root findings it must give.

Every case is a test of every rule: those that are named must fire, all others must stay silent.
"""

from dataclasses import dataclass

import numpy as np
from builders import Story, client, replace, resampled

from diag.core.timeline import Event

NOT_FOUND = (
    "models/{} is not found for API version v1beta, or is not supported for bidiGenerateContent. "
    "Call ModelService.ListM"
)
TIME_IS_UP = (
    "Connection aborted because the client failed to close the connection after receiving a GoAway signal "
    "once the session durat"
)
SERVED = ("models/gemini-2.0-flash-exp", "models/gemini-3.1-flash-live-preview", "models/gemini-3.8-live")


@dataclass(frozen=True)
class Case:
    """A fault, its root findings, what may stand beside them as their consequence, and words of the first finding."""

    name: str
    story: Story
    roots: tuple[str, ...]
    consequences: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    severity: str = "error"
    discarded: bool = False
    possible: tuple[str, ...] = ()


def event(t_s, name, source="harness", **data):
    return Event(t_s=t_s, name=name, source=source, data=data)


PAGE = {
    "number": 1, "rate_hz": 24000, "callback_frames": 279, "state": "running", "ran": True,
    "nodes": {"AudioDestination": 1, "ScriptProcessor": 1}, "links": [["ScriptProcessor", "AudioDestination"]],
    "audible": ["ScriptProcessor"], "capacity": 0.1,
}  # fmt: skip
SCRIPT_PROCESSOR = (
    event(0.1, "page_opened", url="http://localhost/", secure=True, media=True),
    event(0.2, "page_script_processor", frames=1024),
    event(0.2, "page_context", **PAGE),
)


def through(rate_hz, at_hz):
    """Squeezed through a lower sample rate."""
    return lambda samples: resampled(resampled(samples, at_hz, rate_hz), rate_hz, at_hz)


def shelved(gain_db, rate_hz, above_hz=3000):
    """Treble turned down, as air and small loudspeakers do."""

    def apply(samples):
        spectrum = np.fft.rfft(samples)
        frequencies_hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
        share = np.clip(np.log2(np.maximum(frequencies_hz, 1) / above_hz) + 0.5, 0, 1)
        return np.fft.irfft(spectrum * 10 ** (share * gain_db / 20), len(samples)).astype(np.float32)

    return apply


def gap(at_s, length_s, rate_hz):
    """Sound replaced by silence."""

    def apply(samples):
        out = samples.copy()
        loud = int(np.argmax(np.abs(samples) > 0.05)) + round(at_s * rate_hz)
        out[loud : loud + round(length_s * rate_hz)] = 0
        return out

    return apply


def stall(at_s, length_s, rate_hz):
    """Silence put in; the rest comes later."""

    def apply(samples):
        at = round(at_s * rate_hz)
        return np.concatenate([samples[:at], np.zeros(round(length_s * rate_hz), np.float32), samples[at:]])

    return apply


def skip(at_s, length_s, rate_hz):
    """Sound left out."""

    def apply(samples):
        at = round(at_s * rate_hz)
        return np.concatenate([samples[:at], samples[at + round(length_s * rate_hz) :]])

    return apply


def at_speed(ratio):
    """Played at another speed, as by a wrong clock; the length of the recording stays."""

    def apply(samples):
        changed = resampled(samples, round(48000 * ratio), 48000)
        return np.pad(changed, (0, max(0, len(samples) - len(changed))))[: len(samples)]

    return apply


def overdriven(samples):
    return np.clip(samples * 5, -0.9, 0.9).astype(np.float32)


def as_floats(samples):
    """Read 16-bit samples as 32-bit floats, and resample what is read, so that the original bytes are lost."""
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    floats = np.nan_to_num(np.frombuffer(pcm[: len(pcm) // 4 * 4], "<f4"), posinf=1, neginf=-1)
    return np.clip(resampled(np.clip(floats, -1, 1), 24000, 23000), -1, 1)


def swapped_bytes(samples):
    data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    return np.frombuffer(data, ">i2").astype(np.float32) / 32768


def clicking(samples):
    out = samples.copy()
    out[4800::4800] += 0.6
    return np.clip(out, -1, 1)


def interpolated(samples):
    """A third of the samples kept, and a straight line between them."""
    kept = resampled(resampled(samples, 24000, 8000), 8000, 24000)[::3]
    return np.interp(np.arange(len(samples)) / 3, np.arange(len(kept)), kept).astype(np.float32)


def tone(samples):
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / 24000)).astype(np.float32)


def quiet(samples):
    return samples * 1e-4


HEALTHY = Story()
MUTE = replace(HEALTHY, reply_s=None)
NO_MODALITY = client(session={})
TEXT_ASKED = client(session={"response_modalities": ["TEXT"]})
DETECTION_OFF = client(
    session={
        "response_modalities": ["AUDIO"],
        "extra": {"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}},
    }
)
PLAYED_16K = client(playback={"sample_rate_hz": 16000, "resample": False})
PLAYED_48K = client(playback={"sample_rate_hz": 48000, "resample": False})
CAPTURED_48K = client(
    capture={"sample_rate_hz": 48000}, send={"sample_rate_hz": 48000, "declared_rate_hz": 16000, "resample": False}
)
CAPTURED_8K = client(capture={"sample_rate_hz": 8000}, send={"sample_rate_hz": 8000, "resample": False})


def refused(code, reason, **more):
    return replace(HEALTHY, refused=(code, reason), models=SERVED, **more)


def closed(code, reason, **more):
    return replace(MUTE, closed=(code, reason), **more)


HEALTHY_CASES = [
    Case("a stream that ends with the speech, and an answer all the same", replace(HEALTHY, send_stops_s=0.1), ()),
    Case("a client that sends 3 % too fast", replace(HEALTHY, send_pace=1.03), ()),
    Case("healthy", HEALTHY, ()),
    Case("another voice", replace(HEALTHY, seed=77, prompt_s=2.4, reply_s=3.1), ()),
    Case("a short prompt", replace(HEALTHY, seed=5, prompt_s=0.9), ()),
    Case("a player that resamples", replace(HEALTHY, config=client(playback={"sample_rate_hz": 48000})), ()),
    Case("a client that resamples", replace(HEALTHY, config=client(capture={"sample_rate_hz": 48000})), ()),
    Case("44.1 kHz devices", replace(HEALTHY, config=client(capture={"sample_rate_hz": 44100},
                                                            playback={"sample_rate_hz": 44100})), ()),
    Case("an ear in the room", replace(HEALTHY, ear_channels=1), ()),
    Case("devices of the user's own", replace(HEALTHY, audio="system"), ()),
    Case("a louder reply", replace(HEALTHY, play=lambda x: x * np.float32(1.6)), ()),
    Case("audio although it was not asked for", replace(HEALTHY, config=NO_MODALITY), ()),
    *(Case(f"a loop that was late where nothing is timed, at {t_s} s",
           replace(HEALTHY, extra=(event(t_s, "loop_late", late_s=late_s),)), ())
      for t_s, late_s in ((0.5, 0.4), (1.4, 0.06), (2.7, 0.06), (4.0, 0.06))),
    Case("a late loop and audio that was not asked for",
         replace(HEALTHY, config=NO_MODALITY, extra=(event(2.7, "loop_late", late_s=0.06),)), ()),
    Case("a callback late within the buffer",
         replace(HEALTHY, extra=(event(1.4, "callback_late", port="speaker", late_s=0.015),)), ()),
]  # fmt: skip

FAULT_CASES = [
    # what the session asked for
    Case("no modality and no audio", replace(MUTE, config=NO_MODALITY), ("CFG001",), ("SVC002",),
         ("does not ask for audio",)),
    Case("text asked and text given", replace(HEALTHY, config=TEXT_ASKED, text_reply=True), ("CFG001",),
         words=("['TEXT']",)),
    Case("no modality and text", replace(HEALTHY, config=NO_MODALITY, text_reply=True), ("CFG001",)),
    Case("words of a model in another order", refused(1008, NOT_FOUND.format("gemini-flash-2.0-live-001")),
         ("CFG002",), words=("models/gemini-flash-2.0-live-001", "v1beta", "gemini-2.0-flash-exp")),
    Case("a retired model", refused(1008, NOT_FOUND.format("gemini-2.0-flash-live-001")), ("CFG002",),
         words=("retired", "9 December 2025")),
    Case("a model of Vertex AI", refused(1008, NOT_FOUND.format("gemini-live-2.5-flash")), ("CFG002",),
         words=("Vertex AI",)),
    Case("a model that is not Live", refused(1008, NOT_FOUND.format("gemini-2.5-flash")), ("CFG002",),
         words=("not a Live model",)),
    Case("a model that is listed", refused(1008, NOT_FOUND.format("gemini-3.8-live")), ("CFG002",),
         words=("model list has it",)),
    Case("a model of another API version",
         refused(1008, NOT_FOUND.replace("v1beta", "v1").format("gemini-3.1-flash-live-preview")), ("CFG002",),
         words=("served in API version v1beta and v1alpha", "ask for API version v1beta", "GOOGLE_GENAI_API_VERSION")),
    Case("no list to be had", replace(refused(1008, NOT_FOUND.format("gemini-x-live")), models=None), ("CFG002",),
         words=("use a model that is served",)),
    Case("text of a native audio model", refused(1007, "Cannot extract voices from a non-audio request.",
                                                 config=TEXT_ASKED), ("CFG003",)),
    Case("a combination of modalities", refused(1007, "The requested combination of response modalities (TEXT) is not",
                                                config=TEXT_ASKED), ("CFG003",)),
    Case("both modalities", refused(1007, "Request contains an invalid argument.",
                                    config=client(session={"response_modalities": ["AUDIO", "TEXT"]})), ("CFG003",)),
    Case("text and an internal error", refused(1011, "Internal error encountered.", config=TEXT_ASKED), ("CFG003",)),
    Case("a bad key", refused(1007, "API key not valid. Please pass a valid API key."), ("CFG004",)),
    Case("no key", refused(1008, "Method doesn't allow unregistered callers (callers without established identity)"),
         ("CFG004",)),
    Case("a key that HTTP refuses", refused(403, "HTTP 403"), ("CFG004",)),
    Case("no quota", closed(1011, "You exceeded your current quota, please check your plan and billing details"),
         ("CFG005",), ("SVC002",)),
    Case("too many requests", refused(429, "HTTP 429"), ("CFG005",)),
    Case("an unknown field", refused(1007, 'Invalid JSON payload received. Unknown name "proactivity" at \'setup\''),
         ("CFG006",), words=("`proactivity`",)),
    Case("an invalid setup", refused(1007, "Request contains an invalid argument."), ("CFG006",)),
    Case("media_chunks", closed(1007, "realtime_input.media_chunks is deprecated. Use audio, video, or text instead."),
         ("CFG007",), ("SVC002",)),
    Case("time is up", closed(1008, TIME_IS_UP), ("CFG008",), ("SVC002",), severity="warning"),
    Case("closed after goAway", closed(1006, "", extra=(event(1.0, "go_away", "service", time_left_s=5.0),)),
         ("CFG008",), ("SVC002",), words=("5.0 s left",), severity="warning"),
    *(Case(f"not reached: {step}", replace(HEALTHY, unreachable=(step, "detail", ("HTTPS_PROXY",))), ("CFG009",),
           words=(step, "HTTPS_PROXY")) for step in ("dns", "tcp", "tls", "proxy", "http", "setup")),
    Case("a close that no other finding explains", refused(1013, ""), ("CFG010",), words=("overloaded",)),
    Case("a country that is not served", refused(1007, "User location is not supported for the API use."),
         ("CFG011",), words=("location",)),
    Case("detection switched off and nothing marks the turn", replace(MUTE, config=DETECTION_OFF), ("CFG012",),
         ("SVC002",), words=("activityStart",)),
    Case("audio from a model that only transcribes", refused(
        1007, "The requested combination of response modalities (AUDIO) is not supported by the model."),
         ("CFG003",), words=("does not answer with audio", "models/gemini-3.8-live")),
    Case("a setting that the model does not take", refused(1007, "Thinking level is not supported for this model."),
         ("CFG013",), words=("thinking_level",)),
    # microphone
    Case("a microphone whose clock is off", replace(HEALTHY, audio="system", prompt_s=4.0, capture=at_speed(1.001)),
         ("ENV005",), words=("1000 parts per million", "3.6 s in an hour"), severity="warning"),
    Case("a device that loses audio", replace(HEALTHY, audio="system", xruns={"speaker": 3}), ("ENV007",),
         words=("speaker 3 times", "no gap"), severity="info"),
    Case("a muted microphone", replace(MUTE, capture=quiet), ("MIC001",), ("SVC002",)),
    Case("a headset's hands-free profile", replace(HEALTHY, capture=through(8000, 16000)), ("MIC003",),
         words=("a sample rate of 8000 Hz",), severity="warning"),
    Case("a microphone that drops out", replace(HEALTHY, audio="system", capture=gap(0.35, 0.06, 16000)),
         ("MIC004",), severity="warning"),
    Case("a capture clock at 44.1 for 48 kHz", replace(HEALTHY, capture=at_speed(44100 / 48000)), ("MIC005",)),
    Case("an overdriven microphone", replace(HEALTHY, capture=overdriven), ("MIC002",), ("MIC012",),
         possible=("MIC007",), severity="warning"),
    Case("an echo in the microphone", replace(HEALTHY, echo_gain=0.1), ("MIC006",), words=("20 dB",),
         severity="warning"),
    # sender
    Case("bytes sent in the wrong order", replace(HEALTHY, send=swapped_bytes), ("SND003",), words=("big-endian",)),
    Case("stereo sent as mono", replace(HEALTHY, send=lambda x: np.repeat(x, 2)), ("SND003",),
         words=("two channels",)),
    Case("48 kHz labelled 16 kHz", replace(HEALTHY, config=CAPTURED_48K), ("SND001",),
         words=("48000 Hz audio was sent labelled as 16000 Hz", "as long and 19 semitones deeper")),
    Case("48 kHz labelled 16 kHz and no reply", replace(MUTE, config=CAPTURED_48K), ("SND001",), ("SVC002",)),
    Case("8 kHz labelled 16 kHz", replace(HEALTHY, config=CAPTURED_8K), ("SND001",),
         words=("8000 Hz audio was sent labelled as 16000 Hz", "2 times as fast", "12 semitones higher")),
    Case("no rate declared", replace(HEALTHY, config=client(send={"declared_rate_hz": 0})), ("SND002",),
         words=("audio/pcm;rate=16000",), severity="warning"),
    Case("batches of 250 ms", replace(HEALTHY, config=client(send={"batch_ms": 250})), ("SND004",),
         words=("250 ms",), severity="warning"),
    Case("a detour through 8 kHz before sending", replace(HEALTHY, send=through(8000, 16000)), ("SND007",),
         severity="warning"),
    Case("a client that sends too fast", replace(HEALTHY, send_pace=1.1), ("SND005",), words=("10 % faster",),
         severity="warning"),
    Case("a client that sends too slowly", replace(HEALTHY, send_pace=0.9), ("SND005",), words=("10 % slower",),
         severity="warning"),
    Case("the stream ends with the speech", replace(MUTE, send_stops_s=0.1), ("SND006",), ("SVC002",),
         words=("audioStreamEnd",), severity="warning"),
    # service
    Case("a chunk that comes twice", replace(HEALTHY, twice=(5,)), ("SVC008",), words=("1 chunk of the reply",),
         severity="warning"),
    Case("a silent turn", MUTE, ("SVC002",), words=("did not answer",)),
    Case("a turn that ends without content",
         replace(MUTE, extra=(event(3.0, "turn_complete", "service", turn=0),)), ("SVC002",),
         words=("ended the turn without an answer (1 of 1 prompt)",)),
    Case("silent audio", replace(HEALTHY, service=lambda x: x * 0), ("SVC013",), ("SVC002",),
         words=("−120 dBFS",)),
    Case("a reply at a level no one hears", replace(HEALTHY, service=lambda x: x * np.float32(0.003)), ("SVC013",),
         possible=("SVC002",), words=("nearly silent",)),
    Case("a rejected reply", replace(MUTE, extra=(event(3.0, "turn_complete", "service", turn=0,
                                                         reason="RESPONSE_REJECTED"),)), ("SVC014",), ("SVC002",),
         words=("rejected the reply: RESPONSE_REJECTED", "no audible reply")),
    Case("a rejected prompt", replace(MUTE, extra=(event(3.0, "turn_complete", "service", turn=0,
                                                          reason="PROHIBITED_INPUT_CONTENT"),)), ("SVC014",),
         ("SVC002",), words=("rejected the prompt",)),
    Case("a tool call without an answer",
         replace(MUTE, extra=(event(3.0, "tool_call", "service", calls=[{"id": "c1", "name": "weather"}]),)),
         ("SVC015",), ("SVC002",), words=("`weather`", "c1")),
    Case("text although audio was asked for", replace(HEALTHY, text_reply=True), ("SVC003",)),
    Case("bursts", replace(HEALTHY, reply_s=3.0, chunk_s=0.5, pace=0.9), ("SVC004",), severity="warning"),
    Case("a reply that never ends",
         replace(HEALTHY, extra=(event(30.0, "reply_wait_over", turn=0, waited_s=27.0),)), ("SVC006",),
         words=("broke off",), severity="warning"),
    Case("the line breaks", closed(1006, "abnormal closure [internal]"), ("SVC009",), ("SVC002",)),
    Case("the service breaks", closed(1011, "Internal error encountered."), ("SVC009",), ("SVC002",)),
    Case("a reply labelled 16 kHz", replace(HEALTHY, reply_mime="audio/pcm;rate=16000"), ("SVC010",)),
    Case("a reply labelled 192 kHz", replace(HEALTHY, reply_mime="audio/pcm;rate=192000", reply_s=3.0), ("SVC010",),
         possible=("SVC004", "PLY007", "PLY003")),
    Case("a reply without treble", replace(HEALTHY, service=through(16000, 24000)), ("SVC005",), severity="warning"),
    # A tone fits itself at every period, so what else is said of its hops is chance.
    Case("a tone in place of speech", replace(HEALTHY, service=tone), ("SVC007",), possible=("PLY005", "PLY007")),
    Case("a reply with a gap in it", replace(HEALTHY, service=gap(0.7, 0.03, 24000)), ("SVC011",), words=("gap",),
         severity="warning"),
    Case("an overdriven reply", replace(HEALTHY, service=overdriven), ("SVC011",), words=("flat tops",),
         severity="warning"),
    Case("a reply that begins with silence", replace(HEALTHY, leading_silence_s=0.4), ("SVC012",), severity="info"),
    # player
    Case("24 kHz played as 16 kHz", replace(HEALTHY, config=PLAYED_16K), ("PLY001",),
         words=("24000 Hz audio was played as 16000 Hz", "1.5 times as long and 7 semitones deeper")),
    Case("24 kHz played as 48 kHz", replace(HEALTHY, config=PLAYED_48K), ("PLY001",),
         words=("24000 Hz audio was played as 48000 Hz", "2 times as fast and 12 semitones higher")),
    Case("24 kHz played as 22.05 kHz",
         replace(HEALTHY, config=client(playback={"sample_rate_hz": 22050, "resample": False})), ("PLY001",),
         words=("played as 22050 Hz", "1.5 semitones deeper")),
    Case("a reply squeezed through 8 kHz", replace(HEALTHY, play=through(8000, 24000)), ("PLY002",),
         words=("a sample rate of 8000 Hz",)),
    Case("a reply squeezed through 16 kHz", replace(HEALTHY, play=through(16000, 24000)), ("PLY002",),
         words=("a sample rate of 16000 Hz",)),
    Case("an output stream of 16 kHz", replace(HEALTHY, config=client(playback={"sample_rate_hz": 16000})),
         ("PLY002",), words=("16000 Hz", "7.6 kHz")),
    Case("the player runs dry", replace(HEALTHY, play=stall(0.8, 0.08, 24000)), ("PLY003",), severity="warning",
         possible=("PLY004",)),
    Case("bursts make the player run dry",
         replace(HEALTHY, reply_s=3.0, chunk_s=0.5, pace=0.9, play=stall(1.0, 0.12, 24000)), ("SVC004",), ("PLY003",),
         severity="warning"),
    Case("the player plays nothing", replace(HEALTHY, play=lambda x: x * 0), ("PLY006",)),
    Case("the player decodes to values near zero", replace(HEALTHY, play=lambda x: x * 0.0005), ("PLY006",),
         ("PLY013",), words=("not digital silence", "charCodeAt")),
    Case("the player leaves out a part", replace(HEALTHY, play=skip(0.8, 0.15, 24000)), ("PLY011",)),
    Case("clicks at every chunk", replace(HEALTHY, play=clicking), ("PLY004",), severity="warning"),
    Case("straight lines between samples", replace(HEALTHY, play=interpolated), ("PLY005",), ("PLY002",),
         severity="warning"),
    Case("a second buffer", replace(HEALTHY, play=lambda x: np.concatenate([np.zeros(7200, np.float32), x])),
         ("PLY007",), severity="warning"),
    Case("a gain too high in the player", replace(HEALTHY, play=overdriven), ("PLY008",), ("PLY013",),
         possible=("PLY004",), severity="warning"),
    Case("a sample lost with every chunk", replace(HEALTHY, play=lambda x: np.delete(x, np.arange(0, x.size, 480))),
         ("PLY001",), words=("loses samples all along", "0.21 % too fast"), possible=("PLY004",), severity="warning"),
    Case("a resampler whose ratio is rounded", replace(HEALTHY, play=at_speed(1.0005)), ("PLY001",),
         words=("0.05 % too fast", "0.5 ms in each second"), severity="warning"),
    Case("bytes played in the wrong order", replace(HEALTHY, play=swapped_bytes), ("PLY009",),
         words=("big-endian",)),
    Case("16-bit samples played as floats, through a resampler", replace(HEALTHY, play=as_floats), ("PLY009",),
         words=("turns the sound into noise",)),
    Case("a page whose thread stops while it plays in a ScriptProcessor",
         replace(HEALTHY, extra=SCRIPT_PROCESSOR, play=stall(1.0, 0.12, 24000)), ("WEB008",), ("PLY003",),
         words=("addModule",)),
    # speaker
    Case("a volume too high", replace(HEALTHY, speak=overdriven), ("SPK005",), ("SPK011",),
         possible=("SPK006",), severity="warning"),
    Case("a loudspeaker that is off", replace(HEALTHY, speaker_connected=False), ("SPK001",),
         words=("nothing came out",)),
    Case("a loudspeaker with little treble", replace(HEALTHY, speak=through(16000, 48000)), ("SPK002",),
         severity="warning"),
    Case("a playback clock at 48 for 44.1 kHz", replace(HEALTHY, speak=at_speed(48000 / 44100)), ("SPK003",)),
    Case("a loudspeaker that drops out", replace(HEALTHY, audio="system", speak=gap(0.6, 0.06, 48000)),
         ("SPK004",), severity="warning"),
    # air in place of a cable
    Case("a room that takes treble away",
         replace(HEALTHY, audio="system", ear_channels=1, speak=shelved(-6.0, 48000)),
         ("SPK002",), severity="info"),
    # the tool itself
    Case("a device that stopped", replace(HEALTHY, extra=(event(2.0, "device_failed", "audio", detail="gone"),)),
         ("ENV001",), words=("gone",), discarded=True),
    Case("no confident delay", replace(HEALTHY, speaker_confidence=0.3), ("ENV003",), words=("speaker",),
         severity="warning"),
    Case("a dead ear", replace(HEALTHY, speaker_confidence=0.1, mouth_confidence=0.1), ("ENV003",),
         words=("mouth and the speaker",), severity="warning"),
    Case("a dead loudspeaker and no reply", replace(MUTE, speaker_connected=False), ("ENV003", "SVC002"),
         severity="error"),
    *(Case(f"a loop that was late {when}", replace(HEALTHY, extra=(event(t_s, "loop_late", late_s=late_s),)),
           ("ENV004",), words=(f"{late_s * 1000:.0f} ms",), severity="warning", discarded=True)
      for when, t_s, late_s in (("when the first audio came", 2.88, 0.06),
                                ("when the last speech was sent", 2.42, 0.04),
                                ("for long, anywhere in the turn", 1.4, 0.12))),
    Case("a late callback", replace(HEALTHY, extra=(event(1.4, "callback_late", port="speaker", late_s=0.08),)),
         ("ENV004",), severity="warning", discarded=True),
    Case("xruns of our own devices", replace(HEALTHY, xruns={"ear": 2}), ("ENV004",), words=("the ear",),
         severity="warning", discarded=True),
    Case("our own loudspeaker loses audio", replace(HEALTHY, audio="virtual", speak=gap(0.7, 0.03, 48000)), ("ENV004",),
         severity="warning", discarded=True),
    Case("two detectors disagree", replace(HEALTHY, detector_shift_s=0.02), ("ENV004",), words=("20 ms",),
         severity="warning", discarded=True),
]  # fmt: skip
