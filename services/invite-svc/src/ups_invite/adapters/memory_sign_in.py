"""Fakes of what sign-in needs: registrations, sessions, links, and what was done."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ups_invite.adapters.memory import MemoryBook, Tables, Writer
from ups_invite.domain.registration import (
    AddAsked,
    AddRegistration,
    Asked,
    DropAsked,
    EndRegistrations,
    Registration,
)
from ups_invite.domain.reset import AddReset, ForgetResets, Reset, Standing, UseReset, VoidResets
from ups_invite.domain.session import AddSession, EndSession, EndSessions, RotateSession, Session
from ups_invite.domain.writing import Deed, Write
from ups_invite.handlers.sessions import Place
from ups_runtime.errors import AlreadyExists, Changed
from ups_schemas.ids import CompanyId, Id, UserId


class MemoryRegistrations:
    """Finds registrations, and what waits."""

    def __init__(self, book: MemoryBook) -> None:
        self._book = book

    async def registration(self, token_sha256: str) -> Registration | None:
        """The registration of this token."""
        return self._book.tables.registrations.get(token_sha256)

    async def waiting(self, limit: int) -> Sequence[Asked]:
        """What waits, the longest waiting first."""
        return sorted(self._book.tables.asked.values(), key=lambda asked: (asked.at, asked.asked_id))[:limit]


class MemorySessions:
    """Finds sessions."""

    def __init__(self, book: MemoryBook) -> None:
        self._book = book

    async def session(self, session_id: Id) -> Session | None:
        """The session; None if there is none, or it has ended."""
        return self._book.tables.sessions.get(session_id)

    async def sessions(self, user_id: UserId, after: Place | None, limit: int) -> Sequence[Session]:
        """The person's sessions, in the order in which they began."""
        own = [each for each in self._book.tables.sessions.values() if each.user_id == user_id]
        start = (after.created_at, after.session_id) if after else None
        rest = [each for each in own if start is None or (each.created_at, each.session_id) > start]
        return sorted(rest, key=lambda each: (each.created_at, each.session_id))[:limit]


class MemoryResets:
    """Finds links."""

    def __init__(self, book: MemoryBook) -> None:
        self._book = book

    async def reset(self, token_sha256: str) -> Reset | None:
        """The link with this token."""
        return self._book.tables.resets.get(token_sha256)


class MemoryAudit:
    """Finds what was done."""

    def __init__(self, book: MemoryBook) -> None:
        self._book = book

    async def deeds(self, company_id: CompanyId, before: tuple[datetime, Id] | None, limit: int) -> Sequence[Deed]:
        """What was done in the company, the latest first."""
        deeds = [each for each in self._latest() if each.company_id == company_id]
        return [each for each in deeds if before is None or (each.at, each.deed_id) < before][:limit]

    async def deeds_of(self, user_id: UserId, limit: int) -> Sequence[Deed]:
        """What the person did, or what was done about them, the latest first."""
        return [each for each in self._latest() if user_id in (each.actor, each.user_id)][:limit]

    def _latest(self) -> Sequence[Deed]:
        return sorted(self._book.tables.deeds.values(), key=lambda deed: (deed.at, deed.deed_id), reverse=True)


def _add_asked(tables: Tables, write: AddAsked) -> None:
    if write.asked.asked_id in tables.asked:
        raise AlreadyExists
    tables.asked[write.asked.asked_id] = write.asked


def _drop_asked(tables: Tables, write: DropAsked) -> None:
    if tables.asked.pop(write.asked_id, None) is None:
        raise Changed


def _add_registration(tables: Tables, write: AddRegistration) -> None:
    tables.registrations[write.registration.token_sha256] = write.registration


def _end_registrations(tables: Tables, write: EndRegistrations) -> None:
    for token_sha256, each in tables.registrations.items():
        if each.applicant and each.applicant.address.compare_key == write.compare_key:
            tables.registrations[token_sha256] = each.over()


def _add_session(tables: Tables, write: AddSession) -> None:
    tables.sessions[write.session.session_id] = write.session


def _rotate_session(tables: Tables, write: RotateSession) -> None:
    there = tables.sessions.get(write.session.session_id)
    if there is None or there.current_sha256 != write.session.previous_sha256:
        raise Changed
    tables.sessions[there.session_id] = write.session


def _end_session(tables: Tables, write: EndSession) -> None:
    if tables.sessions.pop(write.session_id, None) is None:
        raise Changed


def _end_sessions(tables: Tables, write: EndSessions) -> None:
    for session in [each for each in tables.sessions.values() if each.user_id == write.user_id]:
        del tables.sessions[session.session_id]


def _add_reset(tables: Tables, write: AddReset) -> None:
    tables.resets[write.reset.token_sha256] = write.reset


def _use_reset(tables: Tables, write: UseReset) -> None:
    there = tables.resets.get(write.reset.token_sha256)
    if there is None or there.ended:
        raise Changed
    tables.resets[there.token_sha256] = write.reset


def _void_resets(tables: Tables, write: VoidResets) -> None:
    for token_sha256, each in tables.resets.items():
        if each.user_id == write.user_id and each.ended is None:
            tables.resets[token_sha256] = replace(each, ended=Standing.VOID)


def _forget_resets(tables: Tables, write: ForgetResets) -> None:
    for token_sha256 in [each.token_sha256 for each in tables.resets.values() if each.user_id == write.user_id]:
        del tables.resets[token_sha256]


WRITERS: Mapping[type[Write], Writer] = {
    AddAsked: _add_asked,
    DropAsked: _drop_asked,
    AddRegistration: _add_registration,
    EndRegistrations: _end_registrations,
    AddSession: _add_session,
    RotateSession: _rotate_session,
    EndSession: _end_session,
    EndSessions: _end_sessions,
    AddReset: _add_reset,
    UseReset: _use_reset,
    VoidResets: _void_resets,
    ForgetResets: _forget_resets,
}
