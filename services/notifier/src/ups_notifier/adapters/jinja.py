"""Letters as text and HTML: Jinja2 for both, styles inlined for mail programs that drop style sheets."""

import re
from dataclasses import dataclass
from importlib.resources import files

import css_inline
from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape

from ups_notifier.domain.letter import Letter
from ups_notifier.domain.wording import isolated

TEXT, HTML = "mail.txt.j2", "mail.html.j2"
# Of all letters and templates, until there are others.
LANGUAGE = "en"
_TEMPLATES = (TEXT, HTML, "mail.css", "mail-adapts.css")


def _unbroken(text: str) -> str:
    """A time stays with its offset, in lines of whatever width."""
    return re.sub(r"(?<=\d\d:\d\d:\d\d) (?=\(?UTC)", "\u00a0", text)


@dataclass(frozen=True, slots=True)
class Portal:
    """What the installation calls itself, and whom to ask."""

    name: str
    support_address: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """The two parts of a mail; they say the same."""

    text: str
    html: str


class Renderer:
    """Renders letters. Everything in a letter is data: template syntax and markup in it come out as they are."""

    def __init__(self, portal: Portal) -> None:
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
        self._environment.globals["portal"] = portal
        # No remote style sheets: nothing in a mail makes this process fetch anything.
        self._inliner = css_inline.CSSInliner(keep_style_tags=False, load_remote_stylesheets=False)

    def render(self, letter: Letter) -> Rendered:
        """Both parts of a letter."""
        text = self._environment.get_template(TEXT).render(
            letter=letter,
            facts=(facts := (*letter.about, *letter.facts, *letter.figures)),
            label_width=max((len(fact.label) + 1 for fact in facts), default=0),
        )
        html = self._environment.get_template(HTML).render(letter=letter, language=LANGUAGE)
        return Rendered(text, self._inliner.inline(html))
