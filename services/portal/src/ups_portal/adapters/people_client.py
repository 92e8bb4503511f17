"""The people of the company at invite-svc: implements `People`."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import StringConstraints

from ups_portal.adapters.backend import Answer
from ups_portal.adapters.bearer import Bearer
from ups_portal.domain.wording import clean

Text = Annotated[str, StringConstraints(max_length=2000)]

_LIMIT = 500


class _Member(Answer):
    user_id: Text
    name: Text
    address: Text
    active: bool = True


class _Members(Answer):
    members: tuple[_Member, ...]


class PeopleClient:
    """Asks for one request."""

    def __init__(self, invite_svc: Bearer) -> None:
        self._invite_svc = invite_svc

    async def names(self) -> Mapping[str, str]:
        """Of the first five hundred; who gave none is called by their address."""
        told = await self._invite_svc.get("list members", "/v1/company/members", _Members, {"limit": str(_LIMIT)})
        return {each.user_id: clean(each.name) or clean(each.address) for each in told.members}
