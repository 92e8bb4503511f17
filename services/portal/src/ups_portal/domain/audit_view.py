"""What was done in a company, for its admins: a page of it, each entry in a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ups_portal.domain.member import Role
from ups_portal.domain.text import Text, isolated


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done. No `actor`: nobody who was signed in. `user_id` is whom it is about."""

    action: str
    at: datetime
    actor: str | None
    user_id: str | None
    role: Role | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """What was done, the latest first; `cursor` leads to what was done before."""

    deeds: Sequence[Deed]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """When, and what."""

    at: datetime
    what: Text


@dataclass(frozen=True, slots=True)
class AuditView:
    """The page. `cursor` is where it begins, unless with the latest; `older` where the next one does."""

    title: Text
    rows: tuple[AuditRow, ...]
    cursor: str
    older: str | None


_SENTENCES = {
    "company_founded": Text("{who} founded the company."),
    "company_renamed": Text("{who} gave the company another name."),
    "invited": Text("{who} invited a co-worker."),
    "invitation_resent": Text("{who} sent an invitation again."),
    "invitation_revoked": Text("{who} took an invitation back."),
    "invitation_declined": Text("An invitation was declined."),
    "invitation_expired": Text("An invitation expired."),
    "joined": Text("{whom} joined."),
    "removed": Text("{who} removed a co-worker: {whom}."),
    "left": Text("{whom} left."),
    "erased": Text("An account was erased: {whom}."),
    "signed_in": Text("{whom} signed in."),
    "signed_out": Text("{whom} signed out."),
    "signed_out_everywhere": Text("{whom} signed out everywhere."),
    "session_stolen": Text("{whom}: a session was used by two, and ended."),
    "password_reset_asked": Text("{whom}: a link to choose a new password was asked for, and mailed."),
    "password_reset": Text("{whom} chose a new password by a mailed link."),
    "password_changed": Text("{whom} changed the password."),
}
# What nobody signed in did.
_BY_ITSELF = {"invitation_revoked": Text("An invitation was taken back.")}
_ROLES = {
    Role.ADMIN: Text("{who} made a co-worker an admin: {whom}."),
    Role.MEMBER: Text("{who} made an admin a member again: {whom}."),
}


def audit_view(page: AuditPage, names: Mapping[str, str] | None, cursor: str) -> AuditView:
    """The page; `names` are those of the members, where somebody can tell them."""
    rows = tuple(AuditRow(deed.at, _sentence(deed, names)) for deed in page.deeds)
    return AuditView(Text("What was done in your company"), rows, cursor, page.cursor)


def _sentence(deed: Deed, names: Mapping[str, str] | None) -> Text:
    if deed.action == "role_changed":
        said = _ROLES[deed.role or Role.MEMBER]
    elif deed.actor is None and deed.action in _BY_ITSELF:
        said = _BY_ITSELF[deed.action]
    else:
        said = _SENTENCES.get(deed.action, Text("{action}"))
    return Text(
        said.words, who=_called(deed.actor, names), whom=_called(deed.user_id, names), action=isolated(deed.action)
    )


def _called(user_id: str | None, names: Mapping[str, str] | None) -> Text | str:
    if user_id is None:
        return Text("The operator of this installation")
    if names is None:
        return Text("Somebody")
    return isolated(names[user_id]) if user_id in names else Text("A former member")
