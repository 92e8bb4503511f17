"""Texts as they are written, in English, until a page is rendered in its reader's language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# Around a name in a sentence, so that one written from right to left leaves the rest in order (UAX #9, section 2.7).
_FIRST_STRONG_ISOLATE, _POP = "\u2068", "\u2069"


def _in_english(one: str, many: str, number: int) -> str:
    return one if number == 1 else many


@dataclass(frozen=True, slots=True, init=False)
class Text:
    """A sentence or label of ours: the key of the language catalogue, and what stands in its `{places}`.

    A place is filled by text from outside, by a number, or by another `Text`. Where the words differ with the number
    in the place `{number}`, `words` are those for one, and `many` those for more: languages have from one form to six.
    """

    words: str
    many: str
    values: Mapping[str, Any]  # Any: whatever has a text

    def __init__(self, words: str, many: str = "", /, **values: Any) -> None:  # Any: whatever has a text
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "many", many)
        object.__setattr__(self, "values", values)

    def said(
        self,
        translate: Callable[[str], str] = str,
        translate_number: Callable[[str, str, int], str] = _in_english,
        shown: Callable[[Any], str] = str,
    ) -> str:
        """The text in the language that these lead to, which are the catalogue's `gettext` and `ngettext`.

        What stands in it and is no text of ours is made one by `shown`.
        """
        values = {
            name: value.said(translate, translate_number, shown) if isinstance(value, Text) else shown(value)
            for name, value in self.values.items()
        }
        words = translate_number(self.words, self.many, self.values["number"]) if self.many else translate(self.words)
        return words.format_map(values)


def isolated(name: str) -> str:
    """A name from outside, to stand in a sentence."""
    return f"{_FIRST_STRONG_ISOLATE}{name}{_POP}"
