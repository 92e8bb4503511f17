"""Letters as text and HTML: Jinja2 for both, styles inlined for mail programs that drop style sheets."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files

import css_inline
from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape

from ups_notifier.domain.letter import Letter
from ups_notifier.domain.plan_letter import Seller
from ups_notifier.domain.wording import isolated

TEXT, HTML = "mail.txt.j2", "mail.html.j2"
# Of all letters and templates, until there are others.
LANGUAGE = "en"
_TEMPLATES = (TEXT, HTML, "mail.css", "mail-adapts.css")


# So that a mail quoted twice still stands in 80 columns.
_COLUMNS = 72
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


def _unbroken(text: str) -> str:
    """A time stays with its offset, and with its sign what equals it; an e-mail is one word: in lines of any width."""
    kept = re.sub(r"(?<=\d\d:\d\d:\d\d) (?=\(?UTC)|(?<= =) (?=\d)", "\u00a0", text)
    return re.sub(r"\b(e|co)-(?=mail|worker)", "\\1\u2011", kept)


def _filled(text: str, first: str = "") -> str:
    """`text` in lines of plain text behind `first`; later lines begin below the first one's text."""
    lines = textwrap.wrap(text, _COLUMNS - len(first), break_long_words=False, break_on_hyphens=False)
    return first + ("\n" + " " * len(first)).join(_balanced(lines))


def _balanced(lines: Iterable[str]) -> Iterator[str]:
    """What is isolated across lines, isolated in each: an isolate ends with its line."""
    is_open = False
    for line in lines:
        whole = _ISOLATE + line if is_open else line
        is_open = whole.count(_ISOLATE) > whole.count(_END_ISOLATE)
        yield whole + _END_ISOLATE if is_open else whole


@dataclass(frozen=True, slots=True)
class Portal:
    """What the installation calls itself, whom to ask, and who sells plans."""

    name: str
    support_address: str
    seller: Seller = field(default_factory=Seller)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The two parts of a mail; they say the same."""

    text: str
    html: str


class Renderer:
    """Renders letters. Everything in a letter is data: template syntax and markup in it come out as they are."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        folder = files("ups_notifier") / "templates"
        self._environment = Environment(
            loader=DictLoader({name: (folder / name).read_text(encoding="utf-8") for name in _TEMPLATES}),
            autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters["isolated"] = isolated
        self._environment.filters["unbroken"] = _unbroken
        self._environment.filters["filled"] = _filled
        self._environment.globals["portal"] = portal
        # No remote style sheets: nothing in a mail makes this process fetch anything.
        self._inliner = css_inline.CSSInliner(keep_style_tags=False, load_remote_stylesheets=False)

    def render(self, letter: Letter) -> Rendered:
        """Both parts of a letter."""
        facts = (*letter.about, *letter.facts, *letter.figures)
        text = self._environment.get_template(TEXT).render(
            letter=letter,
            label_width=max((len(fact.label) + 1 for fact in facts), default=0),
        )
        html = self._environment.get_template(HTML).render(letter=letter, language=LANGUAGE)
        return Rendered(text, self._inliner.inline(html))
