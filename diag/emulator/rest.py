"""REST calls, served on the same port: list of models, ephemeral tokens, and speech from text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from diag.core.live_catalogue import GENERATE, find, listing
from diag.emulator.closing import Refused
from diag.emulator.faults import SpeechAnswer
from diag.emulator.incoming import read_frame
from diag.emulator.paths import Target
from diag.emulator.profile import Profile
from diag.emulator.speech import Unwilling, generated, streamed

_STATUS = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: (
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    ),
    404: ("NOT_FOUND", "Requested entity was not found."),
    408: ("DEADLINE_EXCEEDED", "The request did not arrive completely in time."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
    500: ("INTERNAL", "Internal error encountered."),
    502: ("UNAVAILABLE", "Bad gateway."),
    503: ("UNAVAILABLE", "The service is currently unavailable."),
}


@dataclass(frozen=True)
class Response:
    """Status, body and content type of an HTTP response."""

    status: int
    body: bytes
    content_type: str = "application/json"


def error_body(status: int, message: str = "") -> bytes:
    """Return the body of an error in the form of Google's REST services; without `message`, their usual words."""
    name, words = _STATUS.get(status, ("UNKNOWN", "The request was refused."))
    return json.dumps({"error": {"code": status, "message": message or words, "status": name}}).encode()


def list_models(profile: Profile, target: Target) -> Response:
    """Answer `GET /{version}/models`."""
    return Response(200, json.dumps({"models": _listed(profile, target)}).encode())


def one_model(profile: Profile, target: Target) -> Response:
    """Answer `GET /{version}/models/{model}`."""
    for model in _listed(profile, target):
        if model["name"] == target.model:
            return Response(200, json.dumps(model).encode())
    return Response(404, error_body(404, _not_found(target)))


def new_token(profile: Profile) -> Response:
    """Answer `POST /{version}/auth_tokens` with an ephemeral token; requested limits are ignored."""
    return Response(200, json.dumps({"name": profile.new_token()}).encode())


def _listed(profile: Profile, target: Target) -> list[dict[str, Any]]:
    settings = profile.settings
    return listing(version=target.version, day=settings.date, withheld=settings.withheld_models)


def call_method(profile: Profile, target: Target, body: bytes) -> Response:
    """Answer `POST /{version}/models/{model}:{method}` with speech or text for a text, whole or streamed."""
    stream = target.method == "streamGenerateContent"
    model = find(
        target.model,
        version=target.version,
        day=profile.settings.date,
        vertex=target.vertex,
        method=GENERATE if stream else target.method,
        withheld=profile.settings.withheld_models,
    )
    if model is None or target.method not in (GENERATE, "streamGenerateContent"):
        return Response(404, error_body(404, _not_found(target)))
    bent = _speech_answer(profile)
    if bent is not None and bent.form == "status":
        return Response(bent.status, error_body(bent.status))
    try:
        request = read_frame(body)
        if stream:
            messages = streamed(profile.bank, model, request)
        else:
            messages = generated(profile.bank, model, request, "" if bent is None else bent.form)
    except Unwilling as refusal:
        return Response(400, error_body(400, str(refusal)))
    except Refused as refusal:
        return Response(400, error_body(400, refusal.reason))
    profile.note("generated", model=model.name, method=target.method, parts=len(messages))
    if stream:
        events = "".join(f"data: {json.dumps(message)}\r\n\r\n" for message in messages)
        return Response(200, events.encode(), "text/event-stream")
    return Response(200, json.dumps(messages[0]).encode())


def _speech_answer(profile: Profile) -> SpeechAnswer | None:
    return next((fault for fault in profile.settings.faults if isinstance(fault, SpeechAnswer)), None)


def _not_found(target: Target) -> str:
    return (
        f"{target.model} is not found for API version {target.version}, or is not supported for "
        f"{target.method or 'getModel'}. Call ModelService.ListModels to see the list of available models and their "
        "supported methods."
    )
