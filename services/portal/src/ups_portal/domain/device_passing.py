"""A UPS that gets another owner, or goes."""

from collections.abc import Sequence
from dataclasses import dataclass

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.against import above, beside
from ups_portal.domain.member import Member
from ups_portal.domain.text import Text, isolated

Wrong = Refusal | TooOften


@dataclass(frozen=True, slots=True)
class HandOverView:
    """The form to choose the next owner. `people` none: nobody can say who there is."""

    title: Text
    device_id: str
    people: tuple[tuple[str, Text | str], ...] | None
    to: str
    fault: Text | str
    against: Text | str


@dataclass(frozen=True, slots=True)
class RemovalView:
    """The question whether it is really to go."""

    title: Text
    device_id: str
    against: Text | str


def hand_over_view(
    device_id: str,
    name: str,
    people: Sequence[Member] | None,
    user_id: str,
    to: str = "",
    against: Wrong | None = None,
) -> HandOverView:
    """The page; everybody is in it but who asks."""
    others = sorted((each for each in people or () if each.user_id != user_id), key=lambda each: each.name.casefold())
    options = tuple((each.user_id, f"{each.name} ({each.address})" if each.name else each.address) for each in others)
    return HandOverView(
        Text("Hand {name} over", name=isolated(name)),
        device_id,
        None if people is None else (("", Text("Choose a co-worker")), *options) if options else (),
        to,
        beside(against, "to"),
        above(against, "to"),
    )


def removal_view(device_id: str, name: str, against: Wrong | None = None) -> RemovalView:
    """The page."""
    return RemovalView(Text("Remove {name}", name=isolated(name)), device_id, above(against))
