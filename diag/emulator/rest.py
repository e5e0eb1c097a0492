"""REST calls on the same port: the model list and speech from text."""

from __future__ import annotations

import json
from typing import Any

from diag.emulator.catalogue import listing
from diag.emulator.paths import Target
from diag.emulator.profile import Profile

_STATUS = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: (
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    ),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
    500: ("INTERNAL", "Internal error encountered."),
    502: ("UNAVAILABLE", "Bad gateway."),
    503: ("UNAVAILABLE", "The service is currently unavailable."),
}


def error_body(status: int, message: str = "") -> bytes:
    """An error as Google's REST services write it."""
    name, words = _STATUS[status]
    return json.dumps({"error": {"code": status, "message": message or words, "status": name}}).encode()


def list_models(profile: Profile, target: Target) -> tuple[int, bytes]:
    """`GET /{version}/models`: status and body."""
    models = listing(version=target.version, day=profile.settings.date)
    return 200, json.dumps({"models": models}).encode()


def one_model(profile: Profile, target: Target) -> tuple[int, bytes]:
    """`GET /{version}/models/{model}`: status and body."""
    for model in listing(version=target.version, day=profile.settings.date):
        if model["name"] == f"models/{target.model}":
            return 200, json.dumps(model).encode()
    return 404, error_body(404, _not_found(target))


def call_method(profile: Profile, target: Target, body: bytes) -> tuple[int, bytes]:
    """`POST /{version}/models/{model}:{method}`: status and body."""
    return 404, error_body(404, _not_found(target))


def _not_found(target: Target) -> str:
    return (
        f"models/{target.model} is not found for API version {target.version}, or is not supported for "
        f"{target.method or 'getModel'}. Call ModelService.ListModels to see the list of available models and their "
        "supported methods."
    )


def read_body(body: bytes) -> dict[str, Any] | None:
    """A JSON object; None for anything else."""
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
