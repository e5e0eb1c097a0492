"""English sentences that can be shown in another language, because they keep their template and its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Message(str):
    """A sentence made from a template, see `msg`. It is an ordinary English string everywhere else.

    Attributes
    ----------
    template : str
        The sentence with names in braces, as `str.format` reads it. It is the key of a translation.
    values : mapping of str to object
        What stands for the names; a value may be a `Message` itself.
    """

    template: str
    values: Mapping[str, object]

    def __reduce__(self) -> tuple[object, ...]:
        """Return how a process that gets the message makes it again."""
        return restored, (str(self), self.template, dict(self.values))

    def spelled(self, text: str) -> Message:
        """Return the same message with its English text spelled otherwise, such as with a minus sign for a hyphen."""
        return restored(text, self.template, self.values)


def msg(template: str, /, **values: object) -> Message:
    """Return the English sentence of a template, such as `msg("resample to {rate_hz} Hz", rate_hz=16000)`.

    The template is a literal, because `tools/make_catalogue.py` collects it. Braces in the sentence are doubled.
    """
    return restored(template.format(**values), template, values)


def fixed_text(text: str) -> Message:
    """Return a text without values as a message, such as a label from a registry that catalogues have."""
    return restored(text, text.replace("{", "{{").replace("}", "}}"), {})


def joined(parts: Sequence[str], separator: str = "; ") -> Message:
    """Return texts with a separator between them as one message. It needs no translation of its own."""
    values = {f"part{n}": part for n, part in enumerate(parts)}
    return restored(separator.join(parts), separator.join(f"{{{name}}}" for name in values), values)


def restored(text: str, template: str, values: Mapping[str, object]) -> Message:
    """Return a message from its parts, as another process or a file holds them."""
    message = Message(text)
    message.template, message.values = template, dict(values)
    return message
