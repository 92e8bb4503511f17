"""Pages as HTML by Jinja2: everything in a page is data, and comes out as text."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from gettext import NullTranslations
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from ups_portal.domain.page import Page
from ups_portal.domain.shell import LABELS, Shell, View
from ups_portal.domain.text import Text
from ups_portal.domain.wording import local_moment, utc_moment
from ups_schemas.wording import zone_of

# Of all texts, until somebody translates them; also whoever reads none of the languages that there are gets it.
LANGUAGE = "en"
CATALOGUES: Mapping[str, NullTranslations] = {LANGUAGE: NullTranslations()}

_LINK_PAGE = "page.html.j2"
_MEDIA_TYPES = {"css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}
_EMPHASIS = re.compile(r"\*([^*<>]+)\*")


@dataclass(frozen=True, slots=True)
class Portal:
    """What the installation calls itself, whom to ask, and below which path its pages are (no slash at the end).

    `purchase_url` is where plans are sold, with `{device_id}` for the UPS; `reseller_text` says who sells them.
    """

    name: str
    support_address: str
    prefix: str
    purchase_url: str | None = None
    reseller_text: str = ""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages need; `version` changes with its content."""

    content: bytes
    media_type: str
    version: str


def assets() -> dict[str, Asset]:
    """Style sheets, scripts and the icon, by name."""
    folder = files("ups_portal") / "static"
    return {file.name: _asset(file.name, file.read_bytes()) for file in folder.iterdir() if file.is_file()}


def _asset(name: str, content: bytes) -> Asset:
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    return Asset(content, f"{media_type}; charset=utf-8", hashlib.sha256(content).hexdigest()[:12])


class Renderer:
    """Renders pages, in each language that there is a catalogue of."""

    def __init__(self, portal: Portal, catalogues: Mapping[str, NullTranslations] = CATALOGUES) -> None:
        folder = files("ups_portal") / "templates"
        templates = DictLoader({file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()})
        self._environments = {
            language: _environment(templates, portal, language, catalogue) for language, catalogue in catalogues.items()
        }

    def render(self, page: Page, path: str) -> str:
        """A page behind a mailed link, whose own address has this path."""
        return self._environments[LANGUAGE].get_template(_LINK_PAGE).render(page=page, path=path)

    def framed(self, template: str, view: View, shell: Shell) -> str:
        """A page in the portal's frame, in the language and the zone of whoever is signed in."""
        person = shell.person
        environment = self._environments.get(person.language if person else "", self._environments[LANGUAGE])
        zone = person.zone if person else "UTC"
        return environment.get_template(template).render(view=view, shell=shell, zone=zone)


def _environment(templates: DictLoader, portal: Portal, language: str, catalogue: NullTranslations) -> Environment:
    # a list of 500 says the same few words thousands of times
    @cache
    def translate(words: str) -> str:
        return str(escape(catalogue.gettext(words)))

    def translate_number(one: str, many: str, number: int) -> str:
        return str(escape(catalogue.ngettext(one, many, number)))

    def said(value: Any) -> Any:  # Any: whatever a template has between its braces
        # escaped before anything stands in it: what does is escaped by itself, unless it is a piece of a template.
        # `Markup.format_map` does that too, in five times the time
        return Markup(value.said(translate, translate_number, escape)) if isinstance(value, Text) else value  # noqa: S704

    @pass_context
    def shown(context: Context, at: datetime) -> Markup:
        """The moment in the reader's zone; in UTC beside the pointer."""
        zone = zone_of(context["zone"])
        title = utc_moment(at, zone) or local_moment(at, zone)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            at.astimezone(UTC).isoformat(), said(title), said(local_moment(at, zone))
        )

    environment = Environment(
        loader=templates,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # whatever is a text of ours is said in the language, wherever it comes from
        finalize=said,
    )
    environment.filters["emphasised"] = lambda text: _emphasised(said(text))
    environment.filters["moment"] = shown
    environment.globals |= {
        "_": Text,
        "labels": LABELS,
        "language": language,
        "portal": portal,
        "versions": {name: asset.version for name, asset in assets().items()},
    }
    return environment


def _emphasised(text: str) -> Markup:
    # a masked address stays in one line
    whole = escape(text).replace("…@", "…\u2060@")
    # *Label* as people know it from elsewhere; escaped before anything is made of it
    return Markup(_EMPHASIS.sub(r"<em>\1</em>", str(whole)))  # noqa: S704
