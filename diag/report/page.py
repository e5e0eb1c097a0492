"""The frame of every HTML page: templates, style sheet and script, and the compressed JSON document."""

from __future__ import annotations

import base64
import errno
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from markupsafe import Markup

from diag import __version__
from diag.core.errors import BadInputError, CannotMeasureError, DiagError
from diag.core.json_reading import read_json
from diag.core.keys import without_keys, without_secrets
from diag.core.local_paths import home_folder, working_folder
from diag.core.plain_text import json_safe, visible
from diag.files.whole_files import write_whole
from diag.report.language import language, tr
from diag.report.sentences import capitalised, full_stop

if TYPE_CHECKING:
    from jinja2 import Environment

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
LARGEST_DOCUMENT_BYTES = 200_000_000
"""A larger document of a page is not read: a run of 1,000 takes has 70 MB."""
_PACKED = "data:application/gzip;base64,"


def rendered(template: str, **values: object) -> str:
    """Return the HTML of a template, with the style sheet and the script of all pages in it."""
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(_asset("style.css")),
            script=Markup(_asset("report.js")),
            version=__version__,
            script_words=_script_words(),
            **values,
        )
    )


def packed(document: dict[str, Any], folder: Path) -> str:
    """Return a compressed JSON document as a data URI that can be downloaded without a script."""
    packed = gzip.compress(document_text(document, folder).encode("utf-8"), mtime=0)
    return f"{_PACKED}{base64.b64encode(packed).decode('ascii')}"


def document_text(document: dict[str, Any], folder: Path) -> str:
    """Return a JSON document as a page holds it: without secrets, and with paths as in `without_places`."""
    text = json.dumps(without_secrets(document), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return without_places(json_safe(text), folder)


def without_places(text: str, folder: Path) -> str:
    """Return text with paths that do not tell where on this machine they are, because pages are passed on.

    Paths below `folder`, that of the page, and below the working directory begin there, those of the user with `~`.
    """
    here = working_folder()
    own = [] if here is None else [(folder.absolute(), ""), (folder.resolve(), ""), (here, "")]
    for place, instead in (*own, (home_folder(), "~/")):
        # Two levels at least: "/" and "/tmp" are in too many texts.
        if place is not None and len(place.parts) > 2:
            text = text.replace(f"{place}/", instead)
    return text


def document_of(page: str) -> dict[str, Any] | None:
    """Return the JSON document that a page holds, see `packed`; None if it holds none or it is damaged."""
    found = re.search(re.escape(_PACKED) + r"([A-Za-z0-9+/]+=*)", page)
    if found is None:
        return None
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # with the header of gzip
    try:
        text = unpacking.decompress(base64.b64decode(found[1]), LARGEST_DOCUMENT_BYTES)
        document = read_json(text) if unpacking.eof else None
    except (ValueError, zlib.error):
        return None
    return document if isinstance(document, dict) else None


@contextmanager
def page_folder(out: Path, *, next_step: str) -> Iterator[None]:
    """Create the folder of a page for the block that writes it and its files.

    Raises
    ------
    BadInputError, CannotMeasureError
        If the block raises an `OSError`: the path's fault, or the machine's if there is no room.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise _unwritable(out, error, next_step) from None


def write_page(out: Path, page: str) -> None:
    """Write a page without the places of this machine (`without_places`) into its folder.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    write_whole(out, without_places(page, out.parent).encode())


def _unwritable(out: Path, error: OSError, next_step: str) -> DiagError:
    kind = CannotMeasureError if error.errno in _NO_ROOM else BadInputError
    return kind(
        f"Could not write the report {out}",
        seen=error.strerror or str(error),
        allowed="a file in a folder that can be written",
        next_step=next_step,
    )


def _script_words() -> dict[str, str]:
    """Return the texts of the script in the language in use; nothing in English."""
    if language() == "en":
        return {}
    return {
        "Close all": tr("Close all"),
        "Open all": tr("Open all"),
        "Copied": tr("Copied"),
        "Selected: press Ctrl+C": tr("Selected: press Ctrl+C"),
        "Play": tr("Play"),
        "Stop": tr("Stop"),
        "Cannot switch here. Use the players below.": tr("Cannot switch here. Use the players below."),
        "X and Y are A and B in an order that is not shown. Press Blind again to learn which.": tr(
            "X and Y are A and B in an order that is not shown. Press Blind again to learn which."
        ),
    }


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("diag.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_shown,
        # Otherwise constant texts are translated when a template is compiled, and stay in the language of that moment.
        optimized=False,
    )
    environment.filters["sentence"] = lambda text: full_stop(capitalised(text))
    environment.filters["prose"] = _prose
    environment.filters["tr"] = tr
    # Texts of templates are HTML already; texts of variables go through the filter, and are escaped.
    environment.globals["_"] = lambda text: _Text(tr(text))
    environment.globals["language"] = language
    return environment


def _shown(value: object) -> object:
    """Return a value of a template without keys, and with control characters visible; other types as they are."""
    return visible(without_keys(value)) if isinstance(value, str) and not isinstance(value, Markup) else value


class _Text(Markup):
    """A text of a template. The values that it is filled with do not pass `finalize`, so they pass `_shown` here."""

    @classmethod
    def escape(cls, s: object, /) -> Self:
        """Return a value as HTML, without keys and with control characters visible."""
        return super().escape(_shown(s))


def _prose(text: str) -> Markup:
    """Return text as HTML with words in backticks as code; everything else is escaped."""
    parts = re.split(r"`([^`]+)`", visible(without_keys(text)))
    return Markup("").join(Markup("<code>{}</code>").format(part) if n % 2 else part for n, part in enumerate(parts))


def _asset(name: str) -> str:
    return files("diag.report").joinpath("templates", name).read_text(encoding="utf-8")
