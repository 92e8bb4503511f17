"""How a link can fail, whatever it is for, and a call on behalf of whoever is signed in."""

from ups_runtime.errors import Permanent, Retryable


class ForgedError(Permanent):
    """This installation did not make the link."""


class NotDoneError(Permanent):
    """The link is good, and what is so now stands against it: nothing was changed. `why` is the name of the problem."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not done: {why}")
        self.why = why


class AwayError(Retryable):
    """A service was not asked, or said that it cannot: nothing was changed."""


class DoubtfulError(Retryable):
    """A service was asked for a change and did not answer: it may be done, or not."""


class SignedOutError(Permanent):
    """The session has ended: whoever it was signs in again."""


class NotFoundError(Permanent):
    """There is no such thing, or it is not theirs to see."""


class ForbiddenError(Permanent):
    """They may see it, and not do that to it."""


class NoCompanyError(ForbiddenError):
    """They are in no company: there is nothing that would be theirs to see."""
