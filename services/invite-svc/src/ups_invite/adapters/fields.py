"""What requests are made of, and what is asked of each part before anything else looks at it."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import AfterValidator, BaseModel, Field, SecretStr, StringConstraints

from ups_runtime.http import RequestBody
from ups_schemas.wording import one_line


def _text(secret: SecretStr) -> SecretStr:
    # JSON can spell half of a surrogate pair, which is no text; pydantic looks for that in `str` only
    try:
        secret.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("not a text in Unicode") from None
    return secret


def _seen(name: str) -> str:
    if not one_line(name):
        raise ValueError("nothing of it can be seen")
    return name


# What is never shown, not even in what is wrong with it.
SecretText = Annotated[SecretStr, AfterValidator(_text)]

# Names go into headers of mails and into logs of others: no control characters.
NameText = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
CompanyName = Annotated[NameText, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_seen)]
ZoneText = Annotated[str, StringConstraints(min_length=1, max_length=64)]
LanguageText = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
# What is wrong with an address is said in words of ours, so long as it is no novel.
AddressText = Annotated[str, StringConstraints(max_length=1000)]
PasswordText = Annotated[SecretText, Field(max_length=5000)]


class LinkBody(RequestBody):
    """The token of a mailed link."""

    token: SecretText = Field(max_length=500)


class MessageView(BaseModel):
    """What to tell the person."""

    message: str


class PageQuery(RequestBody):
    """Which page of a list."""

    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=400)


def _source(request: Request) -> str:
    return request.client.host if request.client else ""


# Where a request comes from: the peer, or whom a trusted proxy names.
Source = Annotated[str, Depends(_source)]
