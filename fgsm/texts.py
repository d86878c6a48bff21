"""What people read, in every language of assets/texts/: one JSON file each, from keys to sentences with {places}."""

import json
import os
import unicodedata
from pathlib import PurePath

from .places import ASSETS

ENGLISH = "en"
SHOWN = 40  # letters of a wrong value, in a sentence
TEXTS: dict[str, dict[str, str]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted((ASSETS / "texts").glob("*.json"))
}


def say(key: str, language: str = ENGLISH, **values: object) -> str:
    """The sentence `key` in `language`, a key of TEXTS, with `values` in its places."""
    return TEXTS[language][key].format(**values)


def title(recogniser: str, language: str = ENGLISH) -> str:
    """What people call the recogniser of that name."""
    return TEXTS[language].get(f"recogniser.{recogniser}", recogniser)


def preferred(accept_language: str) -> str:
    """The language of TEXTS to answer in, given the first choice of an Accept-Language header; English otherwise."""
    wanted = accept_language.split(",")[0].split(";")[0].split("-")[0].strip().lower()
    return wanted if wanted in TEXTS else ENGLISH


def composed(name: str) -> str:
    """`name` in composed Unicode: a Mac spells "é" in a folder's name with two characters, a keyboard with one."""
    return unicodedata.normalize("NFC", name)


def text_of(path: PurePath) -> str:
    """A path or a name as people write it: composed Unicode, whatever the file system and the locale make of it."""
    return composed(os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace"))


def in_link(name: str) -> str:
    """`name` as links and folders spell it: with underscores for spaces."""
    return composed(name).replace(" ", "_")


def quoted(value: object) -> str:
    """The beginning of `value`, however large it is, for a sentence."""
    if type(value) is int and value.bit_length() > 64:
        return "a number so large"
    return repr(value[:SHOWN] if isinstance(value, (str, list)) else value)[:SHOWN]


class Refused(ValueError):
    """Input that cannot be used. The message, in English, says what to do; `sentence` says it in another language."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(say(key, ENGLISH, **values))
        self.key = key
        self.values = values

    def sentence(self, language: str) -> str:
        return say(self.key, language, **self.values)
