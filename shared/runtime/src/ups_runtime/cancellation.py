"""A cancellation that a library swallowed.

On Python 3.11 `asyncio.wait_for`, which aiokafka and PyMongo use, gives its answer in place of a cancellation that
comes at the same moment.
"""

import asyncio


def is_being_cancelled() -> bool:
    """Whether somebody cancels this task, or an `asyncio.timeout` around this call has expired.

    aiokafka hands on the cancellation of tasks of its own, for one when a consumer is stopped while a broker is away.
    Taken for ours it would end the caller's task without a word: a task group takes no notice of a cancelled child.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def heed_cancellation() -> None:
    """End a task that was cancelled and goes on: for each turn of a loop without end, outside of any `asyncio.timeout`.

    Raises:
        CancelledError: when somebody cancels this task.
    """
    if is_being_cancelled():
        raise asyncio.CancelledError
