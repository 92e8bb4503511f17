"""What is finished at the start, before anybody is answered."""

from collections.abc import Awaitable, Callable

from ups_runtime.clock import Clock
from ups_runtime.errors import Conflict, Retryable
from ups_runtime.logging import get_logger

# Of a process that was killed, MongoDB holds a transaction for up to a minute: what it wrote cannot be written.
RETRY_S = 2.0

log = get_logger("start")


async def finish(what: str, step: Callable[[], Awaitable[int]], clock: Clock) -> None:
    """Return when the step, which says how much it changed, is done; until then try again, and say why."""
    while True:
        try:
            changed = await step()
        except (Retryable, Conflict) as error:
            log.warning("start.waiting", step=what, error=str(error))
            await clock.sleep(RETRY_S)
        else:
            if changed:
                log.info("start.finished", step=what, changed=changed)
            return
