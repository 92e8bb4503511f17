"""The people of the company at invite-svc: implements `People`."""

from collections.abc import Mapping

from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.members_client import members_of


class PeopleClient:
    """Asks for one request."""

    def __init__(self, invite_svc: Bearer) -> None:
        self._invite_svc = invite_svc

    async def names(self) -> Mapping[str, str]:
        """Who gave none is called by their address."""
        return {each.user_id: each.called for each in await members_of(self._invite_svc)}
