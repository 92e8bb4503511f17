"""How what was decided is said to whoever reads it: times in their zone, co-workers by name."""

from typing import Protocol

from ups_device.domain.member import Member
from ups_schemas.ids import UserId
from ups_schemas.telling import Words
from ups_schemas.wording import moment, zone_of

GONE = "somebody who has left"


class Users(Protocol):
    """Who is who, as `accounts.users` says."""

    def heard_of(self, user_id: UserId) -> Member | None:
        """The person, as far as is known without looking any further."""


class Readers:
    """Who reads."""

    def __init__(self, users: Users) -> None:
        self._users = users

    def words(self, user_id: UserId | None) -> Words:
        """The words for this person; None is the operator, who reads in UTC and may know everybody.

        Somebody else learns no name of whoever is not, or no more, in their company.
        """
        reader = self._users.heard_of(user_id) if user_id is not None else None
        zone = zone_of(reader.zone if reader else "UTC")

        def name(of: UserId) -> str:
            who = self._users.heard_of(of)
            hidden = user_id is not None and (reader is None or who is None or who.company_id != reader.company_id)
            return GONE if who is None or hidden else who.called

        return Words(lambda at: moment(at, zone), name)
