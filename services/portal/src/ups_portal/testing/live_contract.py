"""What open pages count on whoever tells what changes: device-svc, and the fake in tests."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from ups_portal.adapters.backend import Running
from ups_portal.domain.account_link import TooOften
from ups_portal.handlers.failures import NotFoundError

# Some 1 s, on two slow cores that others use as well.
TOLD_WITHIN_S = 60
OF_NOBODY = "01900000-0000-7000-8000-000000000000"


class LiveWorld(Protocol):
    """Somebody who is signed in, in a company without a UPS."""

    async def register(self, name: str) -> str:
        """One more UPS; gives its id."""

    async def foreign(self) -> str:
        """A UPS of another company."""

    async def happen(self, device_id: str, code: str) -> None:
        """Have this happen to it."""

    async def follow(self, device_id: str = "", last_event_id: str = "") -> Running | TooOften:
        """Follow what changes, of one UPS or of all, from then on."""


@dataclass
class Heard:
    """What one stream has told: codes of rows, which UPSes changed, and the last position."""

    codes: list[str] = field(default_factory=list)
    device_ids: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    position: str = ""

    async def listen(self, running: Running | TooOften, name: str, code: str = "") -> None:
        """Listen until it tells an event of this name, of a row with this code; then go."""
        assert isinstance(running, Running)
        text = ""
        try:
            async with asyncio.timeout(TOLD_WITHIN_S):
                async for part in running.parts():
                    *events, text = (text + part.decode()).split("\n\n")
                    for event in events:
                        self._hear(dict(line.split(": ", 1) for line in event.splitlines()))
                    if name in self.names and (not code or code in self.codes):
                        return
        finally:
            running.end()

    def _hear(self, event: dict[str, str]) -> None:
        self.position = event.get("id", self.position)
        if "event" not in event:
            return
        self.names.append(event["event"])
        told = json.loads(event["data"])
        if event["event"] == "row":
            self.codes.append(told["event"]["code"])
            self.device_ids.add(told["event"]["device_id"])
        elif event["event"] == "device":
            self.device_ids.add(told["device_id"])


class LiveContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_of_one_ups_nothing_is_told_but_what_happens_to_it(self, world: LiveWorld) -> None:
        """Who follows the company is told of all."""
        rack, other = await world.register("Rack 1"), await world.register("Rack 2")
        of_company, of_rack, all_, own = Heard(), Heard(), await world.follow(), await world.follow(rack)

        await world.happen(other, "OVERLOAD")
        await world.happen(rack, "FAN_FAULT")
        await asyncio.gather(
            of_company.listen(all_, "row", "FAN_FAULT"),
            of_rack.listen(own, "row", "FAN_FAULT"),
        )

        assert set(of_company.codes) == {"OVERLOAD", "FAN_FAULT"}
        assert (set(of_rack.codes), of_rack.device_ids) == ({"FAN_FAULT"}, {rack})

    async def test_who_comes_back_is_told_what_was_missed(self, world: LiveWorld) -> None:
        """From the position on that was heard last."""
        rack, before, after = await world.register("Rack 1"), Heard(), Heard()
        running = await world.follow(rack)
        await world.happen(rack, "OVERLOAD")
        await before.listen(running, "row", "OVERLOAD")

        await world.happen(rack, "FAN_FAULT")
        await after.listen(await world.follow(rack, before.position), "row", "FAN_FAULT")

        assert before.position
        assert after.position != before.position
        assert "reset" not in after.names

    async def test_who_comes_back_with_a_position_that_is_none_had_better_read_all_anew(self, world: LiveWorld) -> None:
        """And is told so."""
        heard = Heard()

        await heard.listen(await world.follow(last_event_id="made-up"), "reset")

        assert heard.position

    async def test_a_ups_of_another_company_is_not_followed(self, world: LiveWorld) -> None:
        """Nor one that never was, which is the same to who asks."""
        for device_id in (await world.foreign(), OF_NOBODY, "x", "../events"):
            with pytest.raises(NotFoundError):
                await world.follow(device_id)
