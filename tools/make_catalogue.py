"""Collect the texts that are translated, and compile the translations: `python tools/make_catalogue.py`.

Babel takes the texts out of the code and the templates of `diag.report`. Those of rules, hops and measures are taken
from their registries. Each language has `diag/report/locale/LANGUAGE/LC_MESSAGES/diag.po`, which is edited by hand, and
the compiled `diag.mo` beside it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from diag.core.chain import Hop, Tap
from diag.core.release import Decision
from diag.core.results import Severity
from diag.core.states import State
from diag.core.units import NOUNS, counted
from diag.dsp.segment_events import EventKind
from diag.judge.registry import HEADINGS
from diag.measure.registry import Group, all_metrics
from diag.report.endurance import CONNECTION_COLUMNS, LOAD_COLUMNS
from diag.report.language import DOMAIN, LANGUAGES
from diag.report.localised import catalogue_texts
from diag.report.manual import BETTER, METRIC_HEADINGS, metric_sections
from diag.report.recording_marks import WORDS_OF_EVENT, WORDS_OF_SPOT
from diag.report.release_text import STAND_IN
from diag.report.sentences import TIER_WORDS, capitalised, label
from diag.report.symptoms import GLOSSARY, SYMPTOMS

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "diag/report"
FOLDERS = tuple(ROOT / "diag" / name for name in ("api", "cli", "core", "dsp", "judge", "measure", "report"))
METHODS = [("**.py", "python"), ("templates/**.j2", "jinja2")]
KEYWORDS = {"tr": None, "_": None, "ntr": (1, 2), "msg": None}


WORDS = (
    *("READY", "NOT READY", "NOT SHOWN", "NOT MEASURED", "TOO FEW TAKES"),
    *("WORSE", "BETTER", "NO CLEAR DIFFERENCE", "worse", "better", "no clear difference", "too few takes"),
    *("high", "medium", "low", "clear", "found", "not checked", "not shown", "crashed", "blocks", "undecided"),
    *("how often", "evidence", "cause", "fix", "leads to", "takes", "product", "self-check", "report", "Seen with"),
    *("before the hop", "after the hop", "here", ", {hop} hop (owner: {owner})", "model", "voice", "audio", "endpoint"),
    *("device", "machine", "version of diag", "version of google-genai"),
    *("median", "no fault", "no fault that blocks a release", "the baseline", STAND_IN),
    *("Shaded: the wait for an answer.", "Shaded: the wait for an answer. Time 0 is the end of the prompt's speech."),
    *(
        "FAULT FOUND",
        "WARNING",
        "NO FAULT FOUND",
        "length",
        "sample rate",
        "channels",
        "reference",
        "judged",
        "not read",
    ),
    *(
        "no finding",
        "discarded",
        "level step",
        "level fade",
        "too few",
        "expected",
        "allowed",
        "look at",
        "compared with",
        "not expected",
        "as expected",
        "not as expected",
    ),
    *("packages", "output folder", "key", "modality", "setup frame", "sound server"),
    *("step", "new series", "no step for the worse", "too few runs", "changed"),
    "Steps alert; they do not fail a build.",
    *(*LOAD_COLUMNS, *CONNECTION_COLUMNS),
    *("DIFFERENT", "NO DIFFERENCE", "NOT COMPARED"),
    *("speed", "treble lost", "delay"),
    *(*EventKind, "clipped", "overdrive", "wrapped", "few bits", "companding", "other", "echo"),
    *("no audio", *TIER_WORDS.values(), *WORDS_OF_EVENT.values(), *WORDS_OF_SPOT.values()),
    "Every figure is derived from the recordings alone.",
    *("what was said", "what came out", "what the player sent to the device", "The reply on its way out"),
    *("The prompt on its way in", "The reply as received and the voice of the profile", "What was heard"),
    "Every figure is derived from saved recordings and events alone.",
)
"""Texts that reach `tr` in a variable and are in no registry."""


def registered() -> Iterator[tuple[str, str]]:
    """Yield texts that stand in registries and enumerations, each with the place that it comes from."""
    yield from catalogue_texts()
    for word in WORDS:
        yield word, "word"
    for heading in HEADINGS:
        yield heading, "headings of a rule"
    for noun in NOUNS:
        for count in (1, 2):
            yield counted(count, noun).template, "number with its noun"
    for hop in Hop:
        yield hop.value, "hop"
        yield hop.owner, "owner of a hop"
    for tap in Tap:
        yield tap.value, "tap"
    for severity in Severity:
        yield severity.value, "severity"
    for state in State:
        yield state.word, "state"
    for decision in Decision:
        yield decision.words, "decision"
    for group in Group:
        yield capitalised(group.value), "group of measures"
    yield from explained()
    for metric in all_metrics():
        yield label(metric.name), "measure"
        if metric.headline is not None:
            yield metric.headline, "measure in a sentence"


def explained() -> Iterator[tuple[str, str]]:
    """Yield what `diag explain` says of words, of what one hears and of measures, each with where it comes from."""
    for meaning in GLOSSARY.values():
        yield meaning, "word of the glossary"
    for symptom in SYMPTOMS:
        yield symptom.title, "what one hears"
        for _command, tells in symptom.commands:
            yield tells, "what a command tells"
    for words in BETTER.values():
        yield words, "which value of a measure is better"
    for heading in METRIC_HEADINGS.values():
        yield heading, "headings of a measure"
    for metric in all_metrics():
        for text in metric_sections(metric).values():
            yield text, metric.name


def texts() -> Catalog:
    """Return a catalogue of all texts, without translations."""
    catalogue = Catalog(domain=DOMAIN, project="diag", charset="utf-8")
    for folder in FOLDERS:
        for path, _line, message, comments, context in extract_from_dir(str(folder), METHODS, keywords=KEYWORDS):
            catalogue.add(message, locations=[(path, 0)], auto_comments=comments, context=context)
    for message, place in registered():
        catalogue.add(message, auto_comments=[place])
    return catalogue


def translated(language: str) -> Catalog:
    """Return the translations of a language, with the texts of today; a text without a translation is empty."""
    path = po_path(language)
    catalogue = read_po(io.BytesIO(path.read_bytes()), locale=language, domain=DOMAIN)
    catalogue.update(texts(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    # The same texts give the same bytes on any day.
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    return catalogue


def po_path(language: str) -> Path:
    """Return the file with the translations of a language."""
    return REPORT / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def compiled(catalogue: Catalog) -> bytes:
    """Return a catalogue as gettext reads it."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def main() -> None:
    """Write both files of each language, and tell how many texts have no translation."""
    for language in LANGUAGES[1:]:
        catalogue = translated(language)
        buffer = io.BytesIO()
        write_po(buffer, catalogue, width=116, sort_output=True, omit_header=True)
        header = b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        header += f'"Language: {language}\\n"\n"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'.encode()
        po_path(language).write_bytes(header + buffer.getvalue())
        po_path(language).with_suffix(".mo").write_bytes(compiled(translated(language)))
        missing = sum(1 for message in catalogue if message.id and not any(message.string or ()))
        print(f"{language}: {len(catalogue)} texts, {missing} without a translation")


if __name__ == "__main__":
    main()
