"""Compares what was decided, what the ledger says, and what the mail server has: who was told, once, in order."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default

from ups_notifier.domain.addressing import Content, notification_of
from ups_notifier.domain.delivery import Delivery, Reason, State
from ups_notifier.testing.smtp_server import Taken
from ups_schemas.ids import UserId, delivery_id


@dataclass
class Verdict:
    """`faults` are broken promises in words. `marked` are doubles that the ledger owns up to."""

    decided: int = 0
    mails: int = 0
    told: int = 0
    not_told: Counter[str] = field(default_factory=Counter)
    marked: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def row(self) -> str:
        """For a table of faults."""
        lost = sum(fault.startswith("lost") for fault in self.faults)
        doubled = sum(fault.startswith("doubled") for fault in self.faults)
        return f"| {self.decided} | {self.mails} | {lost} | {doubled} | {self.marked} |"


def check(
    contents: Iterable[Content], rows: Sequence[Delivery], taken: Sequence[Taken], address_of: Callable[[UserId], str]
) -> Verdict:
    """What is to be said of a service that has nothing left to do.

    Each (notification, person) that was decided has one row, and nobody else has any. A row is told by one mail, its
    own or its digest's, to its person's address; by more only when the answer to one was lost, and then the same bytes
    came each time. Who was not told has a reason. Of a device, a person's mails first came in the order of decisions.
    """
    verdict = Verdict()
    wanted = _wanted(contents)
    row_by_id = {row.delivery_id: row for row in rows}
    copies = _copies(taken)
    verdict.decided, verdict.mails = len(wanted), len(copies)
    verdict.faults += [f"lost: no row for {each}" for each in wanted if each not in row_by_id]
    verdict.faults += [f"not decided: row {each}" for each in row_by_id if each not in wanted]
    for name, mails in copies.items():
        _check_mail(verdict, row_by_id.get(name), name, [mail for _, mail in mails], address_of)
    for row in rows:
        _check_row(verdict, row, copies)
    _check_order(verdict, rows, {name: mails[0][0] for name, mails in copies.items()})
    return verdict


def _wanted(contents: Iterable[Content]) -> set[str]:
    notifications = filter(None, map(notification_of, contents))
    return {delivery_id(each.notification_id, user) for each in notifications for user in each.recipients}


def _copies(taken: Sequence[Taken]) -> Mapping[str, list[tuple[int, Taken]]]:
    """The mails that came, by the left part of their Message-ID, with their places in the order of arrival."""
    copies: dict[str, list[tuple[int, Taken]]] = defaultdict(list)
    for place, mail in enumerate(taken):
        message_id = str(message_from_bytes(mail.message, policy=default)["Message-ID"])
        copies[message_id.strip("<>").partition("@")[0]].append((place, mail))
    return copies


def _check_mail(
    verdict: Verdict, row: Delivery | None, name: str, mails: Sequence[Taken], address_of: Callable[[UserId], str]
) -> None:
    if row is None:
        verdict.faults.append(f"not decided: mail {name}")
        return
    if {mail.recipient for mail in mails} != {address_of(row.user_id)}:
        verdict.faults.append(f"not decided: mail {name} to somebody else")
    if len({mail.message for mail in mails}) > 1:
        verdict.faults.append(f"doubled: mail {name} with another text")
    elif len(mails) > 1 and not row.doubtful:
        verdict.faults.append(f"doubled: mail {name}, and the ledger knows of no doubt")
    else:
        verdict.marked += len(mails) - 1


def _check_row(verdict: Verdict, row: Delivery, copies: Mapping[str, object]) -> None:
    came = (row.digest_id or row.delivery_id) in copies
    if row.open:
        verdict.faults.append(f"lost: {row.delivery_id} is still {row.state}")
    elif row.state is State.ACCEPTED and not came:
        verdict.faults.append(f"lost: {row.delivery_id} was accepted, and is not there")
    elif row.state in {State.FAILED, State.DROPPED} and came:
        verdict.faults.append(f"untrue: {row.delivery_id} is {row.state}, and came")
    if came:
        verdict.told += 1
    else:
        verdict.not_told[f"{row.state}({row.reason or Reason.REPLY})"] += 1


def _check_order(verdict: Verdict, rows: Iterable[Delivery], place_by_mail: Mapping[str, int]) -> None:
    latest: dict[tuple[UserId, str], int] = {}
    for row in sorted(rows, key=lambda each: each.device_seq):
        place = place_by_mail.get(row.digest_id or row.delivery_id)
        if place is None or row.device_id is None:
            continue
        lane = (row.user_id, row.device_id)
        if place < latest.get(lane, place):
            verdict.faults.append(f"overtaken: {row.delivery_id}")
        latest[lane] = place
