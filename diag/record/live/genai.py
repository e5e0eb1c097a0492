"""The Live API through the real google-genai SDK. The only module that imports it."""

from __future__ import annotations

import asyncio
import contextlib
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
from diag.core.keys import KEY_VARIABLES, key_variable
from diag.record.live.connection_facts import Fact, close_code_and_reason, connect_failure, no_setup_complete

GEMINI_URL = "https://generativelanguage.googleapis.com"
SETUP_TIMEOUT_S = 15.0
"""The SDK itself waits for setupComplete without end."""
CLOSE_TIMEOUT_S = 3.0
"""How long a peer is waited for that does not answer the end of a session."""
LOCAL_KEY = "no-key-needed-here"
_UNPARSED = "Failed to parse response"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

Emit = Callable[[str, Mapping[str, Any]], None]
"""Called with an event's name and data at the moment it happens."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the Live API is.

    Parameters
    ----------
    kind : str
        "emulator", "gemini" or "url".
    base_url : str
        As "https://127.0.0.1:8443/profile/x".
    ca_file : str or None
        Certificate to trust; None for the system's.
    """

    kind: str
    base_url: str
    ca_file: str | None = None


def endpoint_from_name(name: str) -> Endpoint:
    """Turn `--endpoint gemini|URL` into an endpoint.

    Raises
    ------
    BadInputError
        If it is neither a known name nor an https URL.
    CannotMeasureError
        If the service needs a key and there is none.
    """
    if name == "gemini":
        if key_variable() is None:
            raise CannotMeasureError(
                "Could not open a session with the Gemini Live API",
                seen=f"no key in {' or '.join(KEY_VARIABLES)}",
                allowed="one key in either variable",
                next_step="`export GEMINI_API_KEY=…`, or leave out `--endpoint gemini` to use the keyless emulator",
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
    return Endpoint(kind="url", base_url="https" + name[len(parts.scheme) :], ca_file=os.environ.get("SSL_CERT_FILE"))


def _parts_of(name: str) -> SplitResult | None:
    try:
        parts = urlsplit(name)
        port = parts.port
    except ValueError:
        return None
    return parts if port is None or port > 0 else None


def _shown(name: str) -> str:
    """The address without what may be a key or a password."""
    return name.split("?", maxsplit=1)[0].rpartition("@")[2]


def _key_for(endpoint: Endpoint) -> str:
    variable = key_variable()
    if endpoint.kind == "emulator" or variable is None or urlsplit(endpoint.base_url).hostname in _LOOPBACK:
        return LOCAL_KEY
    return os.environ[variable]


def make_client(endpoint: Endpoint, api_version: str) -> Any:
    """Build an SDK client for an endpoint, with its certificate trusted."""
    from google import genai

    local = urlsplit(endpoint.base_url).hostname in _LOOPBACK
    # websockets sends even loopback through a proxy that the environment names, unless it is given none.
    direct = {"proxy": None} if local else {}
    context = ssl.create_default_context(cafile=endpoint.ca_file)
    return genai.Client(
        api_key=_key_for(endpoint),
        vertexai=False,
        http_options={
            "base_url": endpoint.base_url,
            "api_version": api_version,
            # The HTTP library sets up every proxy that the environment names, needed or not, and fails where it cannot.
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
    """LiveConnectConfig fields of a configuration; what is unset is left out."""
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


class LiveConnection:
    """One session of the Live API; every message becomes events at its arrival.

    Parameters
    ----------
    emit : Emit
        Takes each event.
    on_audio : callable
        Takes (pcm, mime_type) of each audio chunk; must return at once.
    """

    def __init__(self, emit: Emit, on_audio: Callable[[bytes, str], None]) -> None:
        self._emit = emit
        self._on_audio = on_audio
        self._stack = contextlib.AsyncExitStack()
        self._session: Any = None
        self._closing = False
        self.open = False

    async def connect(self, config: SessionConfig, endpoint: Endpoint) -> bool:
        """Open the session; False where it was refused or not reached (an event says why).

        Raises
        ------
        BadInputError
            If the SDK itself refuses the configuration.
        """
        from google.genai.errors import APIError
        from websockets.exceptions import WebSocketException

        fields = setup_fields(config)
        self._emit("session_connecting", _connecting_data(config, endpoint))
        self._emit("setup_sent", {"setup": {"model": config.model, **fields}})
        start_s = time.perf_counter()
        try:
            client = make_client(endpoint, config.api_version)
        except (ImportError, OSError, ValueError) as error:
            # Of a proxy variable that it cannot use, the HTTP library tells while the client is made.
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
        """Send one chunk; False where the session is gone."""
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
        """Take messages until the session ends; `receive()` of the SDK ends after one turn, so it is asked again."""
        from google.genai.errors import APIError
        from websockets.exceptions import ConnectionClosed

        try:
            while self.open:
                async for message in self._session.receive():
                    self._take(message)
        except (APIError, ConnectionClosed, ValueError, TypeError, OSError) as error:
            # The SDK raises TypeError on JSON that is no Live API message.
            self._closed(error)

    async def close(self) -> None:
        """End the session from our side; harmless when it is over."""
        self._closing = True
        with contextlib.suppress(TimeoutError, OSError):
            await asyncio.wait_for(self._stack.aclose(), CLOSE_TIMEOUT_S)
        if self.open:
            self.open = False
            self._emit("session_closed", {"code": 1000, "reason": "", "by": "client"})

    def _closed(self, error: BaseException) -> None:
        if not self.open or self._closing:
            return
        self.open = False
        code, reason = close_code_and_reason(error)
        self._emit("session_closed", {"code": code, "reason": reason if code else str(error), "by": "service"})

    def _report(self, fact: Fact) -> None:
        self._emit(fact.name, fact.data)

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
            self._emit("go_away", {"time_left_s": _seconds(message.go_away.time_left)})
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
    """Return why a turn was completed and what the interaction's status is, as far as the service says so."""
    fields = (("reason", "turn_complete_reason"), ("status", "interaction_status"))
    values = {key: getattr(content, name, None) for key, name in fields}
    return {key: str(getattr(value, "value", value)) for key, value in values.items() if value is not None}


def _setup_refused_here(error: ValueError) -> BadInputError:
    from pydantic import ValidationError

    seen = str(error).splitlines()[0]
    if isinstance(error, ValidationError):
        # Of a field that may be one of several types, the SDK's checker tells a line a type: one says enough.
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
        allowed="fields and values that google-genai's LiveConnectConfig takes",
        next_step="correct [session]",
    )


def _connecting_data(config: SessionConfig, endpoint: Endpoint) -> dict[str, Any]:
    parts = urlsplit(endpoint.base_url)
    # Never the whole network location: it may hold a name and a password.
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    host = name if parts.port is None else f"{name}:{parts.port}"
    return {"endpoint": endpoint.kind, "host": host, "model": config.model, "api_version": config.api_version}


def _seconds(duration: Any) -> float | None:
    try:
        return float(str(duration).rstrip("s"))
    except ValueError:
        return None


async def live_models(endpoint: Endpoint, api_version: str) -> dict[str, Any]:
    """Names of the models that can hold Live sessions, as data of a `model_list` event; `error` where not to be had."""
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
    # Without a timeout of its own the thread would outlive the wait for it, and hold up the end of the take.
    models = client.models.list(config={"http_options": {"timeout": round(1000 * SETUP_TIMEOUT_S)}})
    return sorted(model.name for model in models if "bidiGenerateContent" in (model.supported_actions or []))


def warm_up() -> None:
    """Import and exercise all that the first message would otherwise have to wait for (18 to 34 ms, measured)."""
    importlib.import_module("websockets.asyncio.client")
    asyncio.run(_exchange_once())
    gc.collect()
    gc.freeze()


class _MessagesAtHand:
    """A websocket without a network: every message that is asked for is there at once."""

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
    """Send and receive a message through the SDK's session, as a take does, without a connection."""
    from google.genai import types
    from google.genai.live import AsyncSession

    api_client: Any = SimpleNamespace(vertexai=False)
    websocket: Any = _MessagesAtHand()
    session = AsyncSession(api_client=api_client, websocket=websocket)
    for _ in range(3):
        await session.send_realtime_input(audio=types.Blob(data=b"\0\0", mime_type="audio/pcm;rate=16000"))
        async for _ in session.receive():
            pass
