"""*Register* and *Reset Password*: asked for here, and answered by mail."""

from typing import Protocol

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.entrance_view import Application
from ups_portal.domain.wording import clean

Against = Refusal | TooOften | None


class Entrance(Protocol):
    """Who has such mails sent. `visitor` is the network address that asks, by which tries are counted."""

    async def register(self, application: Application, password: str, visitor: str) -> Against:
        """Ask for an account and a company of one's own. None: a mail goes out, whether or not there is an account.

        Raises:
            AwayError, DoubtfulError: where that cannot be said now.
        """

    async def mail_reset(self, address: str, visitor: str) -> Against:
        """Ask for a link to choose a password. None: whether or not there is an account.

        Raises:
            AwayError, DoubtfulError: where that cannot be said now.
        """


async def register(entrance: Entrance, application: Application, password: str, again: str, visitor: str) -> Against:
    """Ask, if all of it is there."""
    if not application.address.strip():
        return Refusal("", "address", "address-missing")
    if not clean(application.company):
        return Refusal("", "company_name", "no-company")
    if not clean(application.name):
        return Refusal("", "name", "no-name")
    if not password:
        return Refusal("", "password", "no-password")
    if password != again:
        return Refusal("", "password", "not-the-same")
    return await entrance.register(application, password, visitor)


async def mail_reset(entrance: Entrance, address: str, visitor: str) -> Against:
    """Ask, if there is an address."""
    if not address.strip():
        return Refusal("", "address", "address-missing")
    return await entrance.mail_reset(address, visitor)
