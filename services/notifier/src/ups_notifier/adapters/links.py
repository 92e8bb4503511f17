"""The links of a mail, minted when it is rendered: none of them is ever on a topic."""

from urllib.parse import quote

from ups_notifier.domain.letter import Unsubscription
from ups_runtime.links import LinkKind, Links
from ups_schemas.ids import CompanyId, DeviceId, PeriodId, UserId
from ups_schemas.mail import MailKind


class MailLinks:
    """Implements the letter's `Addresses` on the installation's signed links."""

    def __init__(self, links: Links) -> None:
        self._links = links

    def log(self, device_id: DeviceId) -> str:
        """The Event Log of a device, behind sign-in."""
        return self._links.page(f"devices/{device_id}/events")

    def home(self) -> str:
        """The first page of the portal."""
        return self._links.page("")

    def devices(self) -> str:
        """All UPSes of the reader's company, behind sign-in."""
        return self._links.page("devices")

    def why(self, user_id: UserId, kind: MailKind, device_id: DeviceId | None) -> str:
        """The help entry of a kind of mail."""
        return self._links.mint(LinkKind.WHY, user=user_id, mail=kind.value, device=device_id)

    def unsubscribe(self, user_id: UserId, company_id: CompanyId, device_id: DeviceId, ownership: int) -> str:
        """The page, and RFC 8058 address, that ends event mail."""
        return self._links.mint(
            LinkKind.UNSUBSCRIBE, user=user_id, company=company_id, device=device_id, ownership=ownership
        )

    def resubscribe(self, choice: Unsubscription) -> str:
        """The page that undoes one choice of getting no event mail."""
        return self._links.mint(
            LinkKind.RESUBSCRIBE,
            user=choice.user_id,
            company=choice.company_id,
            device=choice.device_id,
            ownership=choice.ownership,
            scope=choice.scope.value,
        )

    def enable(self, user_id: UserId, device_id: DeviceId, ownership: int, period_id: PeriodId) -> str:
        """The page that ends a disabled period."""
        return self._links.mint(LinkKind.ENABLE, user=user_id, device=device_id, ownership=ownership, period=period_id)

    def verify(self, token: str) -> str:
        """The page that takes a registration's address for verified."""
        return self._ordered("verify", token)

    def invitation(self, token: str) -> str:
        """The page of an invitation."""
        return self._ordered("invitation", token)

    def reset(self, token: str) -> str:
        """The page that takes a new password."""
        return self._ordered("reset", token)

    def _ordered(self, kind: str, token: str) -> str:
        """A link whose token came with the order: whoever made it knows its hash."""
        return self._links.page(f"l/{kind}/{quote(token, safe='')}")
