"""Live API sessions through the google-genai SDK. This is the only module that imports the SDK."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import SplitResult, urlsplit

from diag.core.client_config import SessionConfig
from diag.core.errors import BadInputError, CannotMeasureError
from diag.core.keys import KEY_VARIABLES, LOCAL_KEY, key_variable, remember_address
from diag.core.live_setup import SETUP, canonical
from diag.record.live.connection_facts import Fact, close_code_and_reason, connect_failure, no_setup_complete
from diag.record.live.live_session import CLOSE_TIMEOUT_S, Emit, LiveSession

GEMINI_URL = "https://generativelanguage.googleapis.com"
SETUP_TIMEOUT_S = 15.0
"""Longest wait for setupComplete; the SDK itself waits without a limit."""
_UNPARSED = "Failed to parse response"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Address of a Live API.

    Parameters
    ----------
    kind : str
        "emulator", "gemini" or "url".
    base_url : str
        For example "https://127.0.0.1:8443/profile/x".
    ca_file : str or None
        Certificate file (PEM) to trust; None to use the system's certificates.
    """

    kind: str
    base_url: str
    ca_file: str | None = None


def endpoint_from_name(name: str) -> Endpoint:
    """Return the endpoint for the value of `--endpoint` (`gemini` or a URL).

    Raises
    ------
    BadInputError
        If it is neither `gemini` nor an https or wss URL without query and credentials.
    CannotMeasureError
        If the service needs a key and there is none.
    """
    if name == "gemini":
        if key_variable() is None:
            raise CannotMeasureError(
                "Could not open a session with the Gemini Live API",
                seen=f"no key in {' or '.join(KEY_VARIABLES)}",
                allowed="a key in one of these variables",
                next_step="`export GEMINI_API_KEY=…`, or leave out `--endpoint gemini` to use the emulator, which "
                "needs no key",
            )
        return Endpoint(kind="gemini", base_url=GEMINI_URL)
    parts = _parts_of(name)
    if (
        parts is None
        or parts.scheme not in ("https", "wss")
        or not parts.hostname
        or parts.query
        or "@" in parts.netloc
    ):
        raise BadInputError(
            "Could not use the endpoint",
            seen=f"`{_shown(name)}`",
            allowed="emulator, gemini, or a URL such as https://127.0.0.1:8443 (TLS only, no key or password in it)",
            next_step="correct `--endpoint`",
        )
    remember_address(name)
    return Endpoint(kind="url", base_url="https" + name[len(parts.scheme) :], ca_file=os.environ.get("SSL_CERT_FILE"))


def _parts_of(name: str) -> SplitResult | None:
    try:
        parts = urlsplit(name)
        port = parts.port
    except ValueError:
        return None
    return parts if port is None or port > 0 else None


def _shown(name: str) -> str:
    """Return the address without the parts that may hold a key or a password."""
    return name.split("?", maxsplit=1)[0].rpartition("@")[2]


def key_for(endpoint: Endpoint) -> str:
    """Return the key to send to an endpoint; the user's own only where it is needed."""
    variable = key_variable()
    if endpoint.kind == "emulator" or variable is None or urlsplit(endpoint.base_url).hostname in LOOPBACK_HOSTS:
        return LOCAL_KEY
    return os.environ[variable]


def make_client(endpoint: Endpoint, api_version: str) -> Any:
    """Return an SDK client (`google.genai.Client`) for an endpoint, which trusts the endpoint's certificate."""
    from google import genai

    local = urlsplit(endpoint.base_url).hostname in LOOPBACK_HOSTS
    # By default websockets uses the proxy named in the environment even for loopback addresses.
    direct = {"proxy": None} if local else {}
    context = ssl.create_default_context(cafile=endpoint.ca_file)
    return genai.Client(
        api_key=key_for(endpoint),
        vertexai=False,
        http_options={
            "base_url": endpoint.base_url,
            "api_version": api_version,
            # The HTTP library sets up every proxy named in the environment, even unused ones, and fails if it cannot.
            "client_args": {"verify": context, "trust_env": not local},
            "async_client_args": {
                "ssl": context,
                "trust_env": not local,
                "close_timeout": CLOSE_TIMEOUT_S,
                **direct,
            },
        },
    )


def setup_fields(session: SessionConfig) -> dict[str, Any]:
    """Return the fields of the SDK's LiveConnectConfig for a configuration; unset values are left out."""
    fields: dict[str, Any] = dict(session.extra)
    if session.response_modalities is not None:
        fields["response_modalities"] = list(session.response_modalities)
    speech: dict[str, Any] = {}
    if session.voice:
        speech["voice_config"] = {"prebuilt_voice_config": {"voice_name": session.voice}}
    if session.language_code:
        speech["language_code"] = session.language_code
    if speech:
        fields["speech_config"] = speech
    if session.system_instruction:
        fields["system_instruction"] = session.system_instruction
    if session.input_transcription:
        fields["input_audio_transcription"] = {}
    if session.output_transcription:
        fields["output_audio_transcription"] = {}
    return fields


def frame_of(model: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the setup message that the SDK makes of a model and the fields of its LiveConnectConfig.

    The SDK writes some names in snake_case and others in camelCase, differently in its versions; here all are in
    camelCase. Fields that are not part of the message (`http_options`) are left out.
    """
    setup: dict[str, Any] = {"model": model if "/" in model else f"models/{model}"}
    generation: dict[str, Any] = {}
    for name, value in canonical(fields).items():
        if name == "generationConfig" and isinstance(value, Mapping):
            generation = {**value, **generation}
        elif name in SETUP.fields["generationConfig"].fields:
            generation[name] = value
        elif name in SETUP.fields:
            setup[name] = value
    instruction = setup.get("systemInstruction")
    if isinstance(instruction, str):
        setup["systemInstruction"] = {"parts": [{"text": instruction}], "role": "user"}
    if generation:
        setup["generationConfig"] = generation
    return setup


class LiveConnection(LiveSession):
    """Session through the SDK."""

    def __init__(self, emit: Emit, on_audio: Callable[[bytes, str], None]) -> None:
        super().__init__(emit, on_audio)
        self._session: Any = None

    async def connect(self, config: SessionConfig, endpoint: Endpoint) -> bool:
        """Open the session.

        Returns
        -------
        bool
            False if the service refused the session or was not reached; an event gives the reason.

        Raises
        ------
        BadInputError
            If the SDK itself refuses the configuration.
        """
        from google.genai.errors import APIError
        from websockets.exceptions import WebSocketException

        fields = setup_fields(config)
        self._emit("session_connecting", connecting_data(config.model, config.api_version, endpoint))
        self._emit("setup_sent", {"setup": frame_of(config.model, fields)})
        start_s = time.perf_counter()
        try:
            client = make_client(endpoint, config.api_version)
        except (ImportError, OSError, ValueError) as error:
            # The HTTP library raises here if a proxy variable has a value that it cannot use.
            self._report(connect_failure(error, otherwise="proxy"))
            return False
        limit = asyncio.timeout(SETUP_TIMEOUT_S)
        try:
            context = client.aio.live.connect(model=config.model, config=fields)
            async with limit:
                self._session = await self._stack.enter_async_context(context)
        except (APIError, WebSocketException, OSError, EOFError, ImportError) as error:
            self._report(no_setup_complete(SETUP_TIMEOUT_S) if limit.expired() else connect_failure(error))
            return False
        except ValueError as error:
            if _UNPARSED not in str(error):
                raise _setup_refused_here(error) from None
            self._report(Fact(name="session_refused", data={"code": None, "reason": str(error)}))
            return False
        self.open = True
        self._emit(
            "session_open",
            {"session_id": self._session.session_id, "connect_s": time.perf_counter() - start_s},
        )
        return True

    async def send_audio(self, pcm: bytes, mime_type: str) -> bool:
        """Send one chunk of 16-bit PCM; return False if the session has ended."""
        from google.genai import types
        from websockets.exceptions import ConnectionClosed

        if not self.open:
            return False
        try:
            await self._session.send_realtime_input(audio=types.Blob(data=pcm, mime_type=mime_type))
        except ConnectionClosed as error:
            self._closed(error)
        return self.open

    async def receive(self) -> None:
        """Receive messages until the session ends.

        The SDK's `receive()` ends after each turn, so it is called again.
        """
        from google.genai.errors import APIError
        from websockets.exceptions import ConnectionClosed

        try:
            while self.open:
                async for message in self._session.receive():
                    self._take(message)
        except (APIError, ConnectionClosed, ValueError, TypeError, OSError) as error:
            self._closed(error)

    def _take(self, message: Any) -> None:
        content = message.server_content
        if content is not None:
            self._take_content(content)
        if message.tool_call is not None:
            calls = [{"id": call.id, "name": call.name} for call in message.tool_call.function_calls or ()]
            self._emit("tool_call", {"calls": calls})
        if message.tool_call_cancellation is not None:
            self._emit("tool_call_cancelled", {"ids": list(message.tool_call_cancellation.ids or ())})
        if message.go_away is not None:
            self._emit("go_away", {"time_left_s": seconds_of(message.go_away.time_left)})
        if (update := message.session_resumption_update) is not None:
            self.handle = update.new_handle or self.handle
            self._emit("resumption_offered", {"resumable": bool(update.resumable)})
        if (activity := getattr(message, "voice_activity", None)) is not None:
            kind = activity.voice_activity_type
            self._emit("voice_activity", {"type": str(getattr(kind, "value", kind))})
        if message.usage_metadata is not None:
            self._emit("usage", message.usage_metadata.model_dump(exclude_none=True, mode="json"))

    def _take_content(self, content: Any) -> None:
        for part in (content.model_turn.parts or ()) if content.model_turn else ():
            if part.inline_data is not None and part.inline_data.data:
                self._on_audio(part.inline_data.data, part.inline_data.mime_type or "")
            if part.text:
                self._emit("text_received", {"characters": len(part.text), "thought": bool(part.thought)})
        for direction, words in (("input", content.input_transcription), ("output", content.output_transcription)):
            if words is not None and words.text:
                self._emit("transcription", {"direction": direction, "text": words.text})
        for name in ("interrupted", "generation_complete", "waiting_for_input"):
            if getattr(content, name, None):
                self._emit(name, {})
        if content.turn_complete:
            self._emit("turn_complete", _turn_complete_data(content))


def _turn_complete_data(content: Any) -> dict[str, Any]:
    """Return the reason of turnComplete and the interaction status, without those that the service did not send."""
    fields = (("reason", "turn_complete_reason"), ("status", "interaction_status"))
    values = {key: getattr(content, name, None) for key, name in fields}
    return {key: str(getattr(value, "value", value)) for key, value in values.items() if value is not None}


def _setup_refused_here(error: ValueError) -> BadInputError:
    from pydantic import ValidationError

    seen = str(error).splitlines()[0]
    if isinstance(error, ValidationError):
        # For a field with several allowed types, pydantic reports one problem per type: keep one per field.
        problems = {str(item["loc"][0] if item["loc"] else "?"): item for item in error.errors(include_url=False)}
        seen = ", ".join(
            f"unknown field `{field}`"
            if item["type"] == "extra_forbidden"
            else f"{field} = {str(item['input'])[:80]!r}"
            for field, item in problems.items()
        )
    return BadInputError(
        "Could not build the Live API setup from [session]",
        seen=seen,
        allowed="fields and values that google-genai's LiveConnectConfig accepts",
        next_step="correct the [session] table of the configuration",
    )


def connecting_data(model: str, api_version: str, endpoint: Endpoint) -> dict[str, Any]:
    """Return the data of the event `session_connecting`."""
    parts = urlsplit(endpoint.base_url)
    # The whole network location must not be logged: it may hold a user name and a password.
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    host = name if parts.port is None else f"{name}:{parts.port}"
    return {"endpoint": endpoint.kind, "host": host, "model": model, "api_version": api_version}


def seconds_of(duration: Any) -> float | None:
    """Return the seconds of a duration such as "50s"; None if it is none."""
    try:
        return float(str(duration).rstrip("s"))
    except ValueError:
        return None


async def live_models(endpoint: Endpoint, api_version: str) -> dict[str, Any]:
    """Return the data of a `model_list` event: the names of the models for Live sessions, or `error` if that failed."""
    from google.genai.errors import APIError
    from httpx2 import HTTPError

    try:
        models = await asyncio.wait_for(asyncio.to_thread(_list_models, endpoint, api_version), SETUP_TIMEOUT_S)
    except (APIError, HTTPError, OSError, ValueError, ImportError) as error:
        code, reason = close_code_and_reason(error)
        return {"models": [], "error": f"{type(error).__name__} {code or ''} {reason}".strip()}
    return {"models": models}


def _list_models(endpoint: Endpoint, api_version: str) -> list[str]:
    client = make_client(endpoint, api_version)
    # Without this timeout the thread could run longer than the caller waits, and delay the end of the take.
    models = client.models.list(config={"http_options": {"timeout": round(1000 * SETUP_TIMEOUT_S)}})
    return sorted(model.name for model in models if "bidiGenerateContent" in (model.supported_actions or []))


def warm_up() -> None:
    """Import and run the SDK's message code once, which would otherwise delay the first message by 18 to 34 ms."""
    importlib.import_module("websockets.asyncio.client")
    asyncio.run(_exchange_once())
    gc.collect()
    gc.freeze()


class _MessagesAtHand:
    """Stand-in for a websocket without a network: `recv` returns a message at once."""

    async def recv(self, *, decode: bool) -> str:
        message = {
            "serverContent": {
                "modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAAA"}}]},
                "turnComplete": True,
            },
            "usageMetadata": {"promptTokenCount": 1},
        }
        return json.dumps(message)

    async def send(self, message: str) -> None:
        json.loads(message)


async def _exchange_once() -> None:
    """Send and receive messages through the SDK's session code, as a take does, but without a connection."""
    from google.genai import types
    from google.genai.live import AsyncSession

    api_client: Any = SimpleNamespace(vertexai=False)
    websocket: Any = _MessagesAtHand()
    session = AsyncSession(api_client=api_client, websocket=websocket)
    for _ in range(3):
        await session.send_realtime_input(audio=types.Blob(data=b"\0\0", mime_type="audio/pcm;rate=16000"))
        async for _ in session.receive():
            pass


SPEECH_TIMEOUT_S = 60.0
"""Longest wait for one spoken sentence."""


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """Answer of a speech model: the bytes of the audio, and the MIME type that it declares."""

    data: bytes
    mime_type: str


def speak(endpoint: Endpoint, *, model: str, voice: str, text: str, api_version: str = "v1beta") -> Spoken:
    """Return one text spoken by a prebuilt voice (`generateContent` with AUDIO).

    Raises
    ------
    CannotMeasureError
        If the service cannot be reached, refuses, or answers without audio.
    """
    from google.genai.errors import APIError
    from httpx2 import HTTPError

    attempted = f"Could not get the voice {voice} from {model}"
    config: dict[str, Any] = {
        "response_modalities": ["AUDIO"],
        "speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": voice}}},
        "http_options": {"timeout": round(1000 * SPEECH_TIMEOUT_S)},
    }
    try:
        client = make_client(endpoint, api_version)
        response = client.models.generate_content(model=model, contents=text, config=config)
    except APIError as error:
        raise CannotMeasureError(
            attempted,
            seen=f"the service refused with HTTP {error.code}: {error.message or error.status or 'no reason given'}",
            next_step=_SPEECH_FIX.get(error.code, "check the names of model and voice, or wait and try again"),
        ) from None
    except (HTTPError, OSError, ValueError, ImportError) as error:
        raise CannotMeasureError(
            attempted,
            seen=f"the service was not reached ({type(error).__name__}: {str(error).splitlines()[0][:200]})"
            if str(error)
            else f"the service was not reached ({type(error).__name__})",
            next_step="check --endpoint and the network",
        ) from None
    for candidate in response.candidates or ():
        for part in (candidate.content.parts or ()) if candidate.content else ():
            if part.inline_data is not None and part.inline_data.data:
                return Spoken(data=part.inline_data.data, mime_type=part.inline_data.mime_type or "")
    raise CannotMeasureError(
        attempted,
        seen=f"an answer without audio: {_why_no_audio(response)}",
        next_step="try again, or name a speech model, such as `--model gemini-3.8-flash-tts`",
    )


_SPEECH_FIX = {
    401: "check the key in GEMINI_API_KEY",
    403: "check the key in GEMINI_API_KEY, and that its project may use the model",
    404: "name a speech model that is served, such as `--model gemini-3.8-flash-tts`",
    429: "wait until the quota allows more requests, or use another key",
}


def _why_no_audio(response: Any) -> str:
    """Return what the service says in place of audio: a block reason, a finish reason, or text."""
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        return f"the text was blocked ({getattr(feedback.block_reason, 'value', feedback.block_reason)})"
    candidate = next(iter(response.candidates or ()), None)
    parts = (candidate.content.parts or ()) if candidate is not None and candidate.content else ()
    if any(part.text for part in parts):
        return "text came instead"
    reason = getattr(candidate, "finish_reason", None)
    return f"it ended with {getattr(reason, 'value', reason)}" if reason is not None else "no content at all"
