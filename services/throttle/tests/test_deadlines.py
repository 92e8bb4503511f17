"""What the client library's errors are to a worker."""

import pytest
from aiokafka.errors import IllegalOperation

from ups_runtime.errors import Retryable
from ups_throttle.adapters.deadlines import deadline


@pytest.mark.parametrize("error", [IllegalOperation("not while not in transaction"), AssertionError()], ids=repr)
async def test_a_producer_that_failed_in_the_middle_is_given_up_and_the_process_lives(error: Exception) -> None:
    with pytest.raises(Retryable, match="cannot send: the producer is of no more use"):
        async with deadline("send"):
            raise error
