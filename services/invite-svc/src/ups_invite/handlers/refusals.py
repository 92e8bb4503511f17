"""Why a request is refused, as the caller can act on it."""

from ups_runtime.errors import Permanent


class Refused(Permanent):
    """The request cannot be done; `name` tells the refusals apart, `field` says what in the request it is about."""

    def __init__(self, name: str, title: str, field: str | None = None) -> None:
        super().__init__(title)
        self.name = name
        self.title = title
        self.field = field


class NotFound(Refused):
    """There is no such thing."""


class Conflict(Refused):
    """What is stored has changed meanwhile, or stands against it."""


class AlreadyExists(Exception):  # noqa: N818 - what the store found
    """Somebody with this id is there, or was."""


class AddressTaken(Exception):  # noqa: N818 - what the store found
    """Somebody has this address."""


class Changed(Exception):  # noqa: N818 - what the store found
    """Another writer made this step first: read again."""
