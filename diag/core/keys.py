"""API keys: where they are read from, and how they are removed from all text that is written or shown.

Keys are read from environment variables only. Every text that is saved or printed passes through `without_keys`, and
every JSON document through `without_secrets`. Both hide values by their form and by the name that they stand under.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
SHORTEST_KEY = 8
"""Shorter values are not searched for in other text. Replacing them would damage ordinary words."""
HIDDEN = "(key hidden)"
LOCAL_KEY = "no-key-needed-here"
"""Sent where no key is needed: to the emulator and to services on this machine."""
_SHAPES = re.compile(
    r"AIza[0-9A-Za-z_\-]{30,}"  # Google API keys
    r"|\bAQ\.[0-9A-Za-z_\-]{20,}"  # Google API keys that are bound to an account
    r"|\bya29\.[0-9A-Za-z_\-.]{16,}"  # Google OAuth access tokens
    r"|auth_tokens/[0-9A-Za-z_\-]{8,}"  # ephemeral tokens of the Live API
    r"|\b[sr]k-[0-9A-Za-z_\-]{16,}"
    r"|\bgh[pousr]_[0-9A-Za-z]{20,}|\bgithub_pat_\w{20,}|\bxox[abeoprs]-[0-9A-Za-z\-]{10,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\beyJ[0-9A-Za-z_\-]{8,}\.[0-9A-Za-z_\-]{8,}(?:\.[0-9A-Za-z_\-]*)?"  # JSON Web Tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_NAME_ENDS = (
    "apikey", "authorization", "token", "secret", "secretkey", "password", "passwd", "passphrase", "privatekey",
    "subscriptionkey", "accesskey", "credentials", "cookie",
)  # fmt: skip
_NAMES = frozenset({"handle", "newhandle", "keys"})
"""Names that mean a secret only as a whole. `handle` resumes a session, `keys` are those that the emulator accepts."""
_PLACEHOLDER = re.compile(
    rf"any|none|null|true|false|key|x+|…|\.\.\.|[$<%{{].*|{re.escape(HIDDEN)}.*|{LOCAL_KEY}", re.I
)
_WORDS = (
    r"[\w\-]{0,60}(?:api[_\-]?key|authorization|password|secret(?:[_\-]?(?:access[_\-]?)?key)?"
    r"|(?:private|subscription|access)[_\-]?key|(?:access|refresh|id|auth|session|bearer|ephemeral)[_\-]?token|[_\-]token)"
    r"|x-[\w\-]{0,60}key|(?:set-)?cookie|passwd|passphrase|(?<=[?&])(?:key|token|sig|signature)"
)
_NAMED = re.compile(
    rf"""(?P<before>(?<![\w\-])(?P<quote>\\?["'])?(?:--)?(?:{_WORDS})(?:\\?["'])?"""
    r"""\s*[:=]\s*)"""
    r"""(?P<value>\\?"(?:[^"\\\n]|\\[^"\n])*\\?"|'[^'\n]*'|(?:bearer|basic|token|key|digest)\s+[^\s"'`\\,;&<>()]+"""
    r"""|[^\s"'`\\,;&<>()\[\]{}]+)"""
    rf"""|(?P<pair>[(\[]\s*["'](?:{_WORDS})["']\s*,\s*["'])(?P<second>[^"'\n]*)"""
    rf"""|(?P<option>(?<!\S)--(?:{_WORDS}|key|token)[ ]+)(?P<argument>[^\s\-]\S*)"""
    r"""|(?P<scheme>\b(?:bearer|basic)\s+)(?P<token>(?=[^\s"'\\,;]*\d)[0-9a-z_\-.~+/]{8,}=*)"""
    r"""|(?P<address>\b[a-z][a-z0-9+.\-]{0,20}://)(?P<login>[^\s/@:"'<>]{1,200}:[^\s/@"'<>]{1,200})@""",
    re.IGNORECASE,
)
_SOUND_CHARACTERS = 1000
_BASE64 = re.compile(r"(?:data:[\w.+\-/;=]+,)?[0-9A-Za-z+/_\-]+=*")
"""Longer base64 is sound or a picture. Now and then something in it has the form of a key by chance."""
_REPEATED_CHARACTERS = 100
"""Texts in data that are no longer are mostly names and units: of 38,000 in the results of 24 takes, 434 differ."""
_KNOWN: set[str] = set()
"""Keys that were given to this process otherwise than in a variable (`remember_address`)."""


def key_variable() -> str | None:
    """Return the name of the environment variable that holds the key, or None."""
    return next((name for name in KEY_VARIABLES if os.environ.get(name)), None)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Return whether a value under this name is a secret, for example `x-goog-api-key` or `session.clientSecret`."""
    plain = re.sub(r"[\W_]+", "", name.rpartition(".")[2].lower())
    return plain in _NAMES or plain.endswith(_NAME_ENDS) or bool(re.fullmatch(r"x[\w\-]*-key", name, re.IGNORECASE))


def remember_address(url: str) -> None:
    """Hide the parts of an address that may be a key, wherever this process writes or shows them.

    A gateway may take the key as a part of the path. A part counts as a key if it has a digit and at least
    `SHORTEST_KEY` characters.
    """
    _KNOWN.update(
        part for part in urlsplit(url).path.split("/") if len(part) >= SHORTEST_KEY and re.search(r"\d", part)
    )


def without_keys(text: str) -> str:
    """Return the text with every key replaced by `HIDDEN`.

    Replaced are the values of environment variables with the name of a secret, plain, escaped for JSON and escaped for
    a URL; everything with the form of a key; and what follows the name of a secret, as in `x-goog-api-key: abc`.
    """
    return _cleaned(text, _known_values(()))


def without_secrets(value: Any, secrets: Collection[str] = ()) -> Any:
    """Return JSON data with every key, token and resumption handle in it replaced by `HIDDEN`.

    Parameters
    ----------
    value : JSON data
        Text, numbers, lists and mappings.
    secrets : collection of str
        Keys and tokens that are known; they are removed wherever they occur, also within longer text.
    """
    return cleaner(secrets)(value)


def cleaner(secrets: Collection[str] = ()) -> Callable[[Any], Any]:
    """Return a function that cleans JSON data as `without_secrets` does, for the many messages of a session.

    The variables of the environment are read once, now: to read them for each message costs more than to clean it.

    Parameters
    ----------
    secrets : collection of str
        Keys and tokens that are known.
    """
    known = _known_values(secrets)
    return lambda value: _cleaned_data(value, known)


def _known_values(secrets: Collection[str]) -> tuple[str, ...]:
    """Return the secrets to search for, longest first, in all their spellings."""
    # The names first: a report asks some thousand times, and reading all values takes longer.
    held = (os.environ.get(name, "").strip() for name in os.environ if is_secret_name(name))
    found = {
        item for item in (*held, *secrets, *_KNOWN) if len(item) >= SHORTEST_KEY and not _PLACEHOLDER.fullmatch(item)
    }
    if not found:
        return ()
    spellings = {
        spelling for item in found for spelling in (item, json.dumps(item, ensure_ascii=False)[1:-1], _in_url(item))
    }
    return tuple(sorted(spellings, key=len, reverse=True))


def _in_url(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe="")


def _cleaned(text: str, known: tuple[str, ...]) -> str:
    for secret in known:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    if len(text) > _SOUND_CHARACTERS and _BASE64.fullmatch(text):
        return text
    text = _SHAPES.sub(HIDDEN, text)
    return _NAMED.sub(_hidden_value, text) if ":" in text or "=" in text or " " in text or "," in text else text


_cleaned_once = lru_cache(maxsize=4096)(_cleaned)


def _hidden_value(found: re.Match[str]) -> str:
    if found["login"] is not None:
        return f"{found['address']}{HIDDEN}@"
    for start, value in (("before", "value"), ("pair", "second"), ("option", "argument"), ("scheme", "token")):
        if found[start] is not None:
            opening = re.match(r"\\?[\"']", found[value])
            mark = opening.group() if opening else ""
            inner = found[value].removeprefix(mark).removesuffix(mark)
            plain = not inner or _PLACEHOLDER.fullmatch(inner)
            return found.group() if plain else f"{found[start]}{mark}{HIDDEN}{mark}"
    return found.group()


def _cleaned_data(value: Any, known: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return (_cleaned if len(value) > _REPEATED_CHARACTERS else _cleaned_once)(value, known)
    if isinstance(value, Mapping):
        pair = value.get("name", value.get("key", value.get("header")))
        named = isinstance(pair, str) and is_secret_name(pair)
        return {
            name: _all_hidden(inner)
            if is_secret_name(str(name)) or (named and name == "value")
            else _cleaned_data(inner, known)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        if len(value) == 2 and isinstance(value[0], str) and is_secret_name(value[0]):
            return [value[0], _all_hidden(value[1])]
        # In a list of words, as a command has, the word after `--api-key` is the key.
        before = [None, *value]
        return [
            _all_hidden(inner) if _is_secret_option(option) else _cleaned_data(inner, known)
            for option, inner in zip(before, value, strict=False)
        ]
    return value


def _is_secret_option(word: object) -> bool:
    return isinstance(word, str) and word.startswith("--") and is_secret_name(word)


def _all_hidden(value: Any) -> Any:
    """Return the data with each text in it hidden, except placeholders such as the key of the emulator."""
    if isinstance(value, str):
        return value if not value or _PLACEHOLDER.fullmatch(value) else HIDDEN
    if isinstance(value, Mapping):
        return {name: _all_hidden(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_all_hidden(inner) for inner in value]
    return value
