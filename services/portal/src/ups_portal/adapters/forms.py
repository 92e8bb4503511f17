"""What a form sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_FIELDS = 200

# Forms of ours are UTF-8. The framework would decode by any codec of Python's, of which some fail, and some make what
# no page can be written with.
_CHARSETS = {b"utf-8", b"us-ascii"}


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields in their order; a name may come more than once."""

    pairs: Sequence[tuple[str, str]] = ()

    def get(self, name: str) -> str:
        """The last one of this name; empty where there is none."""
        return next((value for each, value in reversed(self.pairs) if each == name), "")

    def all(self, name: str) -> tuple[str, ...]:
        """All of this name."""
        return tuple(value for each, value in self.pairs if each == name)


async def read_form(request: Request, max_fields: int = MAX_FIELDS, *, keep_blank: bool = True) -> Fields:
    """The fields of a form; mail programs send RFC 8058's as multipart, url-encoded, or without saying which.

    Raises:
        HTTPException: 400, it is no form; 413, it is too large.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/form-data"):
        if parse_options_header(content_type)[1].get(b"charset", b"utf-8").lower() not in _CHARSETS:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        form = await request.form(max_files=0, max_fields=max_fields)
        return Fields(tuple((name, value) for name, value in form.multi_items() if isinstance(value, str)))
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return Fields(tuple(parse_qsl(body.strip(), keep_blank_values=keep_blank, max_num_fields=max_fields)))
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None
