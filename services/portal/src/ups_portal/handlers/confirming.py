"""Waits a moment for what was asked for, so that the page can say that it is so rather than that it will be."""

from collections.abc import Awaitable, Callable

from ups_runtime.errors import Permanent, Retryable

# For a press of *Enable Notifications*. The throttle takes some 100 ms; none of this, and most people have to look
# again, much more, and they press twice.
_WAITS_S = (0.1, 0.2, 0.4, 0.8)

Sleep = Callable[[float], Awaitable[None]]


async def confirmed(is_so: Callable[[], Awaitable[bool]], sleep: Sleep) -> None:
    """Return when it is so, or after 1.5 s. A look that fails ends the waiting: the change was made."""
    for wait_s in _WAITS_S:
        await sleep(wait_s)
        try:
            if await is_so():
                return
        except (Retryable, Permanent):
            return
