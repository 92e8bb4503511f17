"""What can go wrong with a stack, by what the reader has to do about it."""


class DevstackError(Exception):
    """The stack cannot do what was asked."""


class UnavailableError(DevstackError):
    """This machine cannot run the stack of the kind asked for; the message says what is missing."""


class NotReadyError(DevstackError):
    """A part ended, or did not answer in time, before it was ready."""


class NotControllableError(DevstackError):
    """The part is not ours to stop: the stack only knows its address."""
