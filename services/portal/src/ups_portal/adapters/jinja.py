"""Pages as HTML by Jinja2: everything in a page is data, and comes out as text."""

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup, escape

from ups_portal.domain.page import Page

# Of all pages, until there are others.
LANGUAGE = "en"
_TEMPLATE = "page.html.j2"
_MEDIA_TYPES = {"portal.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
_EMPHASIS = re.compile(r"\*([^*<>]+)\*")


@dataclass(frozen=True, slots=True)
class Portal:
    """What the installation calls itself, whom to ask, and below which path its pages are (no slash at the end)."""

    name: str
    support_address: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages need; `version` changes with its content."""

    content: bytes
    media_type: str
    version: str


def assets() -> dict[str, Asset]:
    """The style sheet and the icon, by name."""
    folder = files("ups_portal") / "static"
    return {name: _asset((folder / name).read_bytes(), media_type) for name, media_type in _MEDIA_TYPES.items()}


def _asset(content: bytes, media_type: str) -> Asset:
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:12])


class Renderer:
    """Renders pages."""

    def __init__(self, portal: Portal) -> None:
        template = (files("ups_portal") / "templates" / _TEMPLATE).read_text(encoding="utf-8")
        environment = Environment(
            loader=DictLoader({_TEMPLATE: template}),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["emphasised"] = _emphasised
        environment.globals["portal"] = portal
        environment.globals["language"] = LANGUAGE
        environment.globals["versions"] = {name: asset.version for name, asset in assets().items()}
        self._template = environment.get_template(_TEMPLATE)

    def render(self, page: Page, path: str) -> str:
        """The page, whose own address has this path."""
        return self._template.render(page=page, path=path)


def _emphasised(text: str) -> Markup:
    # a masked address stays in one line
    whole = text.replace("…@", "…\u2060@")
    # *Label* as people know it from elsewhere; escaped before anything is made of it
    return Markup(_EMPHASIS.sub(r"<em>\1</em>", str(escape(whole))))  # noqa: S704
