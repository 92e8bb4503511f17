"""What every store of bounces must keep: run on the one in memory and on the real one."""

from dataclasses import replace
from datetime import timedelta

from ups_notifier.domain.bouncing import BounceKind, Mailbox, Note
from ups_notifier.handlers.bounce_ports import Bounces
from ups_notifier.testing.samples import CO_WORKER, NOW, OWNER

NOTE = Note(NOW, BounceKind.HARD, "5.1.1", "3e2f4a66-9f1c-5c5e-8f7b-1d2c3b4a5966")
DEAD = Mailbox(
    OWNER, "hash", 3, NOW, BounceKind.HARD, complained_at=NOW, soft_days=("2026-11-20",), notes=(NOTE,), untold=NOTE
)
LATER = NOW + timedelta(seconds=1)


class BouncesContract:
    """Inherit it and give a fixture `bounces`."""

    async def test_a_mailbox_comes_back_as_it_was(self, bounces: Bounces) -> None:
        """Every field of it; of others nothing is known."""
        assert await bounces.save(None, DEAD, (), NOW)

        assert await bounces.mailbox(OWNER) == DEAD
        assert await bounces.mailbox(CO_WORKER) is None
        assert await bounces.all() == [DEAD]

    async def test_who_comes_second_changes_nothing(self, bounces: Bounces) -> None:
        """Neither when nothing was known, nor later."""
        first, other = replace(DEAD, untold=None, version=4), replace(DEAD, cause=None, version=4)

        assert await bounces.save(None, DEAD, (), NOW)
        assert not await bounces.save(None, first, (), NOW)
        assert await bounces.save(DEAD, first, (), NOW)
        assert not await bounces.save(DEAD, other, (), NOW)
        assert await bounces.mailbox(OWNER) == first

    async def test_whose_mailboxes_failed_lately_is_known(self, bounces: Bounces) -> None:
        """Hard or soft, by when it came back; a complaint is another thing."""
        soft = Mailbox(CO_WORKER, "hash", notes=(replace(NOTE, kind=BounceKind.SOFT),))
        complaint = Mailbox("another", "hash", complained_at=NOW, notes=(replace(NOTE, kind=BounceKind.COMPLAINT),))
        for each in (DEAD, soft, complaint):
            await bounces.save(None, each, (), NOW)

        assert await bounces.bounced_since(NOW) == {OWNER, CO_WORKER}
        assert await bounces.died_since(NOW) == [DEAD]
        assert await bounces.bounced_since(LATER) == frozenset()
        assert await bounces.died_since(LATER) == []

    async def test_of_some_people_those_are_known_whose_event_mail_has_stopped(self, bounces: Bounces) -> None:
        """Dead, or with a complaint; neither who is only counted against, nor who was not asked for."""
        complaint = Mailbox(CO_WORKER, "hash", complained_at=NOW)
        counted = Mailbox("counted", "hash", soft_days=("2026-11-20",))
        for each in (DEAD, complaint, counted, replace(DEAD, user_id="another")):
            await bounces.save(None, each, (), NOW)

        found = await bounces.stopped_of((OWNER, CO_WORKER, "counted", "unheard of"))

        assert sorted(found, key=lambda each: each.user_id) == [complaint, DEAD]
        assert await bounces.stopped_of(()) == []

    async def test_only_what_has_not_changed_is_forgotten(self, bounces: Bounces) -> None:
        """Who looked before a bounce came forgets nothing."""
        newer = replace(DEAD, version=4)
        await bounces.save(None, newer, (), NOW)

        await bounces.forget(DEAD)
        assert await bounces.mailbox(OWNER) == newer
        await bounces.forget(newer)
        assert await bounces.mailbox(OWNER) is None
