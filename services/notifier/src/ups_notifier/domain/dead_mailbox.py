"""A mailbox that gets no event mail any more: whose devices nobody hears now, and who is told."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from ups_notifier.domain.bouncing import BounceKind, Note
from ups_schemas.account import Role, User
from ups_schemas.device import DeviceSnapshot
from ups_schemas.ids import UserId, derived
from ups_schemas.mail import ACCOUNT_MAIL_WITHIN, NAMED_DEVICES, MailKind, MailRequest
from ups_schemas.wording import masked

# The parameter that says whose mailbox it is: asked again before the mail goes.
PERSON = "user_id"


def listeners(device: DeviceSnapshot) -> frozenset[UserId]:
    """Who wants mail from a device."""
    return frozenset(each.user_id for each in device.subscriptions if each.on)


def admins_to_tell(person: User, members: Iterable[User]) -> list[User]:
    """The company's other admins."""
    return [
        each
        for each in members
        if each.active
        and each.role is Role.ADMIN
        and each.company_id == person.company_id
        and each.user_id != person.user_id
    ]


def mailbox_dead_requests(
    person: User,
    cause: Note,
    unheard: Sequence[DeviceSnapshot],
    admins: Iterable[User],
    now: datetime,
) -> list[MailRequest]:
    """One mail to each admin; the same bounce gives the same requests."""
    names = sorted(device.name for device in unheard)
    parameters: dict[str, str | int | bool | None] = {
        PERSON: person.user_id,
        "user_name": person.name,
        "address": masked(person.address),
        "devices": len(names),
        "device_names": ", ".join(names[:NAMED_DEVICES]),
        "cause": "complaint" if cause.kind is BounceKind.COMPLAINT else "hard",
    }
    return [
        MailRequest(
            request_id=derived("mailbox-dead", person.user_id, cause.delivery_id, admin.user_id),
            kind=MailKind.MAILBOX_DEAD,
            recipient_id=admin.user_id,
            address=admin.address,
            name=admin.name,
            zone=admin.zone,
            language=admin.language,
            company_id=admin.company_id,
            requested_at=now,
            not_after=now + ACCOUNT_MAIL_WITHIN,
            parameters=parameters,
        )
        for admin in admins
    ]
