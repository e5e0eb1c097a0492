"""Parsing of request targets. `urlsplit` is not used, because it takes `ws` in `//ws/…` for a host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, unquote

_LIVE = re.compile(
    r"(?P<prefix>.*)/ws/google\.ai\.generativelanguage\.(?P<version>v1|v1beta|v1alpha)\.GenerativeService[./]"
    r"BidiGenerateContent(?P<constrained>Constrained)?/?"
)
_FIREBASE_LIVE = re.compile(
    r"(?P<prefix>.*)/ws/google\.firebase\.vertexai\.(?P<version>v1|v1beta|v1alpha)\."
    r"(?P<service>GenerativeService|LlmBidiService)[./]BidiGenerateContent(?:/locations/[^/]+)?/?"
)
_VERTEX_LIVE = re.compile(
    r"(?P<prefix>.*)/ws/google\.cloud\.aiplatform\.(?P<version>v1|v1beta1)\.LlmBidiService[./]BidiGenerateContent/?"
)
_MODELS = re.compile(
    r"(?P<prefix>.*)/(?P<version>v1|v1beta|v1alpha)/models(?:/(?P<model>[^/:]+))?(?::(?P<method>[A-Za-z]+))?/?"
)
_VERTEX_CALL = re.compile(
    r"(?P<prefix>.*?)/(?P<version>v1|v1beta1)/(?P<model>(?:projects/[^/]+/locations/[^/]+/)?publishers/google/models/[^/:]+)"
    r":(?P<method>[A-Za-z]+)/?"
)
_TOKENS = re.compile(r"(?P<prefix>.*)/(?P<version>v1|v1beta|v1alpha)/auth_tokens/?")
_PROFILE = re.compile(r"(?:.*/)?profile/(?P<name>[A-Za-z0-9_-]+)(?:/.*)?")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Parsed target of a request.

    Parameters
    ----------
    kind : str
        "live", "models" (the list or one model), "call" (a method of a model), "tokens" or "other".
    version : str
        API version in the path, for example "v1beta".
    profile : str
        Name of the profile in the path; empty for the profile at the root.
    vertex, firebase : bool
        The path is one of Vertex AI, or one of Firebase.
    constrained : bool
        The path is the one for ephemeral tokens (`BidiGenerateContentConstrained`).
    model : str
        Resource name of the model of a REST call; empty for the list of models.
    method : str
        Method of a "call", for example "generateContent".
    """

    kind: Literal["live", "models", "call", "tokens", "other"]
    version: str = ""
    profile: str = ""
    vertex: bool = False
    firebase: bool = False
    constrained: bool = False
    model: str = ""
    method: str = ""


def parse_target(raw: str) -> Target:
    """Return the target of a request line; any prefix and repeated slashes are accepted."""
    path = re.sub("/+", "/", "/" + unquote(raw.partition("?")[0]))
    for pattern, vertex in ((_LIVE, False), (_VERTEX_LIVE, True)):
        found = pattern.fullmatch(path)
        if found:
            return Target(
                kind="live",
                version=found["version"],
                profile=_profile(found["prefix"]),
                vertex=vertex,
                constrained=not vertex and bool(found["constrained"]),
            )
    if found := _FIREBASE_LIVE.fullmatch(path):
        vertex = found["service"] == "LlmBidiService"
        version = {"v1beta": "v1beta1"}.get(found["version"], found["version"]) if vertex else found["version"]
        return Target(kind="live", version=version, profile=_profile(found["prefix"]), vertex=vertex, firebase=True)
    if found := _VERTEX_CALL.fullmatch(path):
        return _rest_target(found, found["model"], vertex=True)
    if found := _MODELS.fullmatch(path):
        return _rest_target(found, f"models/{found['model']}" if found["model"] else "", vertex=False)
    if found := _TOKENS.fullmatch(path):
        return Target(kind="tokens", version=found["version"], profile=_profile(found["prefix"]))
    return Target(kind="other", profile=_profile(path))


def _rest_target(found: re.Match[str], model: str, *, vertex: bool) -> Target:
    return Target(
        kind="call" if found["method"] else "models",
        version=found["version"],
        profile=_profile(found["prefix"]),
        vertex=vertex,
        model=model,
        method=found["method"] or "",
    )


def credential(raw: str, headers: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the key or token of a request and where it was found; (None, "nowhere") if there is none.

    An empty key is returned as such, because the service refuses it with other words than a missing one.
    """
    query = parse_qs(raw.partition("?")[2], keep_blank_values=True)
    for name in ("key", "access_token"):
        if name in query:
            return query[name][0], f"query {name}"
    if "x-goog-api-key" in headers:
        return headers["x-goog-api-key"], "header"
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("token", "bearer"):
        return token, scheme.lower()
    return None, "nowhere"


def _profile(prefix: str) -> str:
    found = _PROFILE.fullmatch(prefix)
    return found["name"] if found else ""
