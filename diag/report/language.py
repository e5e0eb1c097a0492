"""Texts in another language, from gettext catalogues in `diag/report/locale`.

English texts stand where they are used and are their own keys. `tools/make_catalogue.py` collects them with Babel and
compiles the translations. A text without a translation is shown in English.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files

from diag.report.korean import with_particles

LANGUAGES = ("en", "ko")
DOMAIN = "diag"
_ENGLISH = gettext.NullTranslations()
_catalogue: ContextVar[gettext.NullTranslations] = ContextVar("catalogue", default=_ENGLISH)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Show texts in a language, one of `LANGUAGES`, until the block ends."""
    token = _catalogue.set(_read(language))
    try:
        yield
    finally:
        _catalogue.reset(token)


def language() -> str:
    """Return the language of texts, such as "en"."""
    return _catalogue.get().info().get("language", "en")


def tr(text: str) -> str:
    """Return a text in the language in use. Its placeholders are filled in afterwards, with `str.format`."""
    return _catalogue.get().gettext(text) if text else ""


def ntr(one: str, many: str, count: int) -> str:
    """Return the text for this count, in the language in use."""
    return _catalogue.get().ngettext(one, many, count)


def filled(template: str, /, *args: object, **values: object) -> str:
    """Return a template in the language in use with its values, as `str.format`, and the particles that fit them."""
    text = template.format(*args, **values)
    return with_particles(text) if language() == "ko" else text


@cache
def _read(language: str) -> gettext.NullTranslations:
    if language == "en":
        return _ENGLISH
    path = files("diag.report").joinpath("locale", language, "LC_MESSAGES", f"{DOMAIN}.mo")
    with path.open("rb") as file:
        return gettext.GNUTranslations(file)
