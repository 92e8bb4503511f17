"""The life of a session, whatever comes in whatever order."""

import random
from dataclasses import asdict
from datetime import datetime, timedelta

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ups_invite.domain import session as life
from ups_invite.domain.session import Shown
from ups_invite.testing.contract import NOW


class SessionLife(RuleBasedStateMachine):
    """One session, its holder in two tabs, and a thief; `tokens` are all that ever were, the current one last."""

    def __init__(self) -> None:
        super().__init__()
        chance = random.Random(7)
        self.now: datetime = NOW
        self.session, token = life.opened("u1", chance.randbytes, NOW)
        self.tokens = [token]
        self.rotated_at: datetime | None = None
        self.ended = False

    def show(self, token: str) -> Shown:
        shown = life.shown(self.session, token.partition(".")[2], self.now)
        if shown in {Shown.STOLEN, Shown.EXPIRED}:
            self.ended = True
        elif shown is Shown.CURRENT:
            self.tokens.append(life.next_token(self.session, token.partition(".")[2]))
            self.session = life.rotated(self.session, token.partition(".")[2], self.now)
            self.rotated_at = self.now
        else:
            assert life.next_token(self.session, token.partition(".")[2]) == self.tokens[-1]
        return shown

    @rule(seconds=strategies.integers(0, 60))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def weeks_pass(self) -> None:
        self.now += timedelta(days=20)

    @precondition(lambda self: not self.ended)
    @rule()
    def the_holder_goes_on(self) -> None:
        expected = Shown.EXPIRED if self.now >= self.session.expires_at else Shown.CURRENT
        assert self.show(self.tokens[-1]) is expected

    @precondition(lambda self: not self.ended and len(self.tokens) > 1)
    @rule()
    def the_other_tab_comes_late(self) -> None:
        assert self.rotated_at
        since = self.now - self.rotated_at
        shown = self.show(self.tokens[-2])
        if shown is not Shown.EXPIRED:
            assert (shown is Shown.AGAIN) == (since < timedelta(seconds=30))

    @precondition(lambda self: not self.ended and len(self.tokens) > 2)
    @rule(data=strategies.data())
    def a_thief_shows_an_old_one(self, data: strategies.DataObject) -> None:
        token = data.draw(strategies.sampled_from(self.tokens[:-2]))
        assert self.show(token) in {Shown.STOLEN, Shown.EXPIRED}

    @precondition(lambda self: not self.ended)
    @rule(guess=strategies.text(max_size=50))
    def a_thief_guesses(self, guess: str) -> None:
        assert self.show(f"{self.session.session_id}.{guess}") in {Shown.STOLEN, Shown.EXPIRED}

    @invariant()
    def no_secret_is_kept_and_none_comes_twice(self) -> None:
        kept = str(asdict(self.session))
        assert not any(token.partition(".")[2] in kept for token in self.tokens)
        assert len(set(self.tokens)) == len(self.tokens)


TestSessionLife = SessionLife.TestCase
TestSessionLife.settings = settings(max_examples=60, stateful_step_count=30)
