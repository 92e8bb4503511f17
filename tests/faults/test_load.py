"""The load under every fault run shows itself when it dies."""

import asyncio

import pytest
from pydantic import ValidationError

from ups_devstack.faults.run import Run
from ups_runtime.kafka import producer, started, topic_name
from ups_schemas.topics import DECISIONS


async def test_a_load_that_dies_ends_the_run_at_once_and_names_the_cause(run: Run) -> None:
    with pytest.raises(ValidationError):
        await meet_what_it_cannot_read(run)


async def test_what_the_run_itself_finds_comes_out_as_it_is(run: Run) -> None:
    with pytest.raises(AssertionError, match="found"):
        async with run.load.running():
            raise AssertionError("found")


async def meet_what_it_cannot_read(run: Run) -> None:
    async with run.load.running():
        async with started(producer(run.kafka, "planted")) as writer:
            await writer.send_and_wait(topic_name(run.kafka, DECISIONS), b"no decision", b"d-1")
        await asyncio.Event().wait()
