from dataclasses import replace
from datetime import timedelta

import pytest

from ups_notifier.domain.bouncing import BounceKind, Mailbox, Note, after
from ups_notifier.domain.mass_refusal import FEW, HELD_AT_MOST, held, is_mass
from ups_notifier.testing.samples import NOW, OWNER

DAY = timedelta(days=1)


def note(at=NOW, kind=BounceKind.HARD, delivery="d1"):
    return Note(at, kind, "5.1.1", delivery)


DEAD = after(Mailbox(OWNER, "hash", version=0), note())


@pytest.mark.parametrize(
    ("refused", "reached", "mass"),
    [
        ("", "", False),
        ("ab", "", False),
        ("abc", "", True),
        ("abc", "xyz", False),
        ("abcd", "xyz", True),
        ("abcd", "abcdxyz", True),
        ("abcd", "vwxyz", False),
    ],
)
def test_it_is_mass_when_more_than_a_few_and_more_than_are_reached_are_refused(refused, reached, mass):
    assert FEW == 2
    assert is_mass(frozenset(refused), frozenset(reached)) is mass


def test_what_is_held_gets_mail_and_is_told_to_nobody():
    mailbox = held(DEAD, NOW)

    assert not mailbox.stopped
    assert (mailbox.untold, mailbox.cause, mailbox.held_at) == (None, None, NOW)
    assert mailbox.notes == DEAD.notes
    assert mailbox.version == DEAD.version + 1


def test_a_complaint_is_not_held():
    complained = after(DEAD, note(kind=BounceKind.COMPLAINT))

    assert held(complained, NOW).complained_at == NOW


def test_what_lives_is_left_as_it_is():
    alive = replace(DEAD, dead_since=None)

    assert held(alive, NOW) is alive


@pytest.mark.parametrize(
    ("refused_since", "is_held"), [(HELD_AT_MOST, True), (HELD_AT_MOST + DAY, False), (timedelta(days=40), True)]
)
def test_a_mailbox_that_was_refused_a_week_ago_and_is_again_dies(refused_since, is_held):
    again = after(replace(held(DEAD, NOW), dead_since=None), note(NOW + refused_since, delivery="d2"))

    assert (held(again, NOW + refused_since).dead_since is None) is is_held
