"""Korean particles whose form depends on the sound before them, such as 은 after a consonant and 는 after a vowel.

Translations write both forms, as in "{name}은(는)", because the value is not known before it is filled in.
"""

from __future__ import annotations

import re

_FORMS = {
    "은(는)": ("은", "는"),
    "이(가)": ("이", "가"),
    "을(를)": ("을", "를"),
    "와(과)": ("과", "와"),
    "(으)로": ("으로", "로"),
}
"""The forms after a consonant and after a vowel, by how translations write both."""
_FIRST_SYLLABLE, _LAST_SYLLABLE, _FINALS = 0xAC00, 0xD7A3, 28
"""Range of the syllables in Unicode; each group of 28 has the same beginning and all final sounds, the first none."""
_FINAL_L = 8
_UNITS = {"dB": "벨", "dBFS": "스", "Hz": "츠", "kHz": "츠", "%": "트", "ppm": "엠", "ms": "초", "s": "초", "MB": "트"}
_DIGITS = dict(zip("0123456789", "영일이삼사오육칠팔구", strict=True))
_FINAL_OF_LETTER = {**dict.fromkeys("aiouydts", 0), "l": _FINAL_L, "m": 16, "n": 4}
_BEFORE = re.compile(r"(\d ?(?P<unit>dBFS|dB|kHz|Hz|%|ppm|ms|s|MB)|(?P<last>[0-9A-Za-z가-힣]))[`'\"”’]*$")
_BOTH = re.compile("|".join(map(re.escape, _FORMS)))


def with_particles(text: str) -> str:
    """Return a Korean text with the right form of each particle.

    Both forms stay where the pronunciation of the word before is not known: after a bracket, and after most Latin
    letters. Words with d, t, s or a vowel other than e at their end are taken to end with a vowel, as Koreans read
    them, and those with l, m or n to end with a consonant.
    """

    def chosen(found: re.Match[str]) -> str:
        final = _final_sound(text[: found.start()])
        if final is None:
            return found[0]
        after_consonant, after_vowel = _FORMS[found[0]]
        soft = final == 0 or (final == _FINAL_L and found[0] == "(으)로")
        return after_vowel if soft else after_consonant

    return _BOTH.sub(chosen, text)


def _final_sound(before: str) -> int | None:
    """Return the final sound of the last syllable as its number in Unicode, 0 for none; None if it is not known."""
    found = _BEFORE.search(before[-12:])
    if found is None:
        return None
    syllable = _UNITS[found["unit"]] if found["unit"] else _DIGITS.get(found["last"], found["last"])
    if _FIRST_SYLLABLE <= ord(syllable) <= _LAST_SYLLABLE:
        return (ord(syllable) - _FIRST_SYLLABLE) % _FINALS
    return _FINAL_OF_LETTER.get(syllable.lower())
