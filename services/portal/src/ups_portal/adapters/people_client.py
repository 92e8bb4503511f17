"""The people of the company at invite-svc: implements `People` and `Company`."""

from collections.abc import Mapping, Sequence

from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.members_client import members_of
from ups_portal.domain.member import Member


class PeopleClient:
    """Asks for one request."""

    def __init__(self, invite_svc: Bearer) -> None:
        self._invite_svc = invite_svc

    async def names(self) -> Mapping[str, str]:
        """Who gave none is called by their address."""
        return {each.user_id: each.called for each in await members_of(self._invite_svc)}

    async def members(self) -> Sequence[Member]:
        """Those who are active."""
        return [each for each in await members_of(self._invite_svc) if each.active]
