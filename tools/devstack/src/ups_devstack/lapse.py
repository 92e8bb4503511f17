"""Two devices whose free monitoring period ends, one of them bought a plan again: what the demo shows of plans."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ups_devstack.fleet import Device, Operator
from ups_devstack.services import Services
from ups_devstack.shop import sell
from ups_runtime.testing import eventually
from ups_schemas.decision import EventDecided, Outcome, Reason
from ups_schemas.topics import Service

# Long enough for one event before the end, short enough to wait for.
FREE_S = 6
# A purchase is in force within seconds: until then each of these is sent in turn.
AFTER_THE_PURCHASE = ("CHARGER_FAULT", "BATTERY_REPLACE", "SELFTEST_FAILED")
BETWEEN_THEM_S = 1
DECIDED_WITHIN_S = 30


@dataclass
class Lapse:
    """What was sent before the end of the plans, after it, and after a purchase; `bought_at` on the monotonic clock."""

    before: str = ""
    after: list[str] = field(default_factory=list)
    bought: str = ""
    bought_at: float = 0


async def lapsing(
    operator: Operator,
    services: Services,
    devices: Sequence[Device],
    lapse: Lapse,
    decided: Mapping[str, EventDecided],
    say: Callable[[str, str], None],
) -> None:
    """Let the devices' plans end in a moment; then buy the first another, which goes on when all before is decided."""
    first = devices[0]
    until = datetime.now(UTC) + timedelta(seconds=FREE_S)
    plan = {"name": "advanced", "until": until.isoformat(timespec="milliseconds")}
    for device in devices:
        await operator.call(Service.DEVICE_SVC, "PUT", f"/v1/operator/devices/{device.device_id}/plan", plan)
    lapse.before = await first.send("OVER_TEMPERATURE")
    await asyncio.sleep((until - datetime.now(UTC)).total_seconds())
    for device in devices:
        say(device.name, "its free monitoring period is over → [yellow]Basic Monitoring[/]")
        lapse.after.append(await device.send("OVERLOAD"))
    await _decided(lapse.after, decided)
    lapse.bought_at = time.monotonic()
    await sell(services[Service.DEVICE_SVC].url, services.installation.shop_secret, first.device_id)
    say(first.name, "a year of advanced is bought, by the shop's webhook")
    for code in AFTER_THE_PURCHASE:
        lapse.bought = await first.send(code)
        await _decided([lapse.bought], decided)
        if _is_mailed(lapse.bought, decided):
            break
        await asyncio.sleep(BETWEEN_THEM_S)


async def _decided(event_ids: Sequence[str], decided: Mapping[str, EventDecided]) -> None:
    # what is not decided by then is found in the end
    with suppress(AssertionError):
        await eventually(lambda: decided.keys() >= set(event_ids), within_s=DECIDED_WITHIN_S)


def _is_mailed(event_id: str, decided: Mapping[str, EventDecided]) -> bool:
    return event_id in decided and decided[event_id].outcome is Outcome.NOTIFY


def whether_it_lapsed(
    lapse: Lapse, decided: Mapping[str, EventDecided], mailed_at: Mapping[str, float]
) -> list[tuple[str, bool]]:
    """What the story of the plan promised, and whether it happened."""
    after = [decided[event_id] for event_id in lapse.after if event_id in decided]
    took_s = mailed_at.get(lapse.bought, float("inf")) - lapse.bought_at
    return [
        (
            "before the free period's end an event was mailed; after it, two were logged and not mailed",
            lapse.before in mailed_at
            and [(each.outcome, each.reason) for each in after] == [(Outcome.NOT_ENTITLED, Reason.PLAN)] * 2,
        ),
        (
            f"bought again, an event of it was with the mail server {took_s:.1f} s after the purchase",
            _is_mailed(lapse.bought, decided) and lapse.bought in mailed_at,
        ),
    ]
