"""Which finding every close code and reason has in every state of a session, and its words, against approved texts."""

from pathlib import Path

import pytest
from approved import check
from builders import client
from fault_cases import event

from diag.core.observed_client import observed_client
from diag.core.results import Measurements, Status
from diag.core.timeline import Timeline
from diag.judge.registry import Scope, all_rules

APPROVED = Path(__file__).with_name("approved_closings.txt")
NEEDED = {"timeline", "observed", "environment", "turns", "measurements"}
RULES = [rule for rule in all_rules() if rule.scope is Scope.TAKE and rule.code.startswith(("CFG", "SVC009"))]
CODES = (None, 1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 3000, 4001,
         400, 401, 403, 404, 408, 409, 413, 426, 429, 500, 502, 503, 504, 599, 600, 99)  # fmt: skip
REASONS = (
    "", "models/gemini-x is not found for API version v1beta, or is not supported for bidiGenerateContent",
    "Publisher Model `x` was not found", "Cannot extract voices from a non-audio request.",
    "The requested combination of response modalities (TEXT) is not supported", "API key not valid.",
    "Method doesn't allow unregistered callers", "Your API key was reported as leaked.", "API key expired.",
    "Requests from referer <empty> are blocked.", "Project 'x' not found or deleted.", "Permission denied on resource",
    "HTTP 401", "HTTP 403", "HTTP 404", "HTTP 429", "HTTP 503", "You exceeded your current quota", "Resource exhausted",
    "User location is not supported for the API use.", "Thinking level is not supported for this model.",
    "This model requires a thinking level.", "Function response scheduling is not supported for this model.",
    "CONTENT_TYPE_AUDIO input is not supported for this model configuration",
    "Invalid JSON payload received. Unknown name \"x\" at 'setup': Cannot find field.",
    "Invalid JSON payload received. Unknown name \"model\": Cannot find field.",
    "Invalid value at 'setup.generation_config.temperature' (TYPE_FLOAT), \"hot\"",
    "realtime_input.media_chunks is deprecated.", "Request contains an invalid argument.",
    "Precondition check failed.", "Internal error encountered.", "The model is overloaded.",
    "Operation is not implemented, or supported, or enabled.", "Requested entity was not found.",
    "The client failed to close the connection after receiving a GoAway", "Deadline expired before operation",
    "session duration", "message too big",
)  # fmt: skip
OPEN = (event(0.2, "setup_sent", setup={"model": "models/gemini-3.8-live"}), event(0.3, "session_open"))
PROMPT = event(1.0, "prompt_started", turn=0)
ENDED = event(3.0, "turn_complete", turn=0)


def refused(**data):
    return (OPEN[0], event(4.0, "session_refused", **data), event(4.1, "model_list", models=["models/gemini-3.8-live"]))


def closed(*before, by="service"):
    return lambda **data: (*OPEN, *before, event(4.0, "session_closed", by=by, **data))


STATES = {
    "refused": refused, "closed in a turn": closed(PROMPT), "closed after its turn": closed(PROMPT, ENDED),
    "closed before a prompt": closed(), "closed by the client": closed(PROMPT, by="client"),
    "closed after goAway": closed(PROMPT, event(2.0, "go_away", time_left_s=5.0)),
}  # fmt: skip
ASKED = {"audio": client(), "text": client(session={"response_modalities": ["TEXT"]})}


def found(events, config):
    """The findings of all rules on a session, and what a missing session leaves open."""
    timeline = Timeline(tuple(events))
    given = {"timeline": timeline, "observed": observed_client(timeline, config), "environment": {}, "turns": (),
             "measurements": Measurements(())}  # fmt: skip
    verdicts = {rule.code: rule.function(**{need: given[need] for need in rule.needs})
                for rule in RULES if set(rule.needs) <= NEEDED}  # fmt: skip
    return {code: verdict for code, verdict in verdicts.items() if verdict.status is Status.RAISED}


def in_words(verdict):
    severity = "" if verdict.severity is None else f" {verdict.severity.value}"
    lines = [f"{severity} {verdict.title}", *(f"    {item.text}" for item in verdict.evidence)]
    return "\n".join([*lines, f"    {verdict.likely_cause}; {verdict.fix}; confidence {verdict.confidence:g}"])


@pytest.mark.parametrize(("state", "asked"), [*((state, "audio") for state in STATES), ("refused", "text"),
                                              ("closed in a turn", "text")])  # fmt: skip
def test_every_code_and_reason_has_the_finding_that_was_approved(state, asked):
    lines = []
    for reason in REASONS:
        by_finding = {}
        for code in CODES:
            codes = ", ".join(found(STATES[state](code=code, reason=reason), ASKED[asked])) or "nothing"
            by_finding.setdefault(codes, []).append(str(code))
        items = sorted(by_finding.items(), key=lambda item: len(item[1]))
        rarer = [f"{codes} with {' '.join(of)}" for codes, of in items]
        rarer[-1] = f"{rarer[-1].partition(' with ')[0]} with every other code"
        lines.append(f"{reason!r}: {'; '.join(rarer)}")
    check(APPROVED, f"{state}, {asked} asked for", "\n".join(lines), exact=True)


@pytest.mark.parametrize("state", ["refused", "closed in a turn", "closed after goAway"])
def test_the_words_of_every_code_and_reason_are_as_approved(state):
    lines = [f"{code}:{in_words(verdict)}" for code in CODES
             for verdict in found(STATES[state](code=code, reason="x"), client()).values()]  # fmt: skip
    lines += [f"{reason!r}:{in_words(verdict)}" for reason in REASONS
              for verdict in found(STATES[state](code=1008, reason=reason), client()).values()]  # fmt: skip
    check(APPROVED, f"words: {state}", "\n".join(lines), exact=True)
