"""A device whose free monitoring period ends, and that is bought a plan again: what the demo shows of plans."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ups_devstack.fleet import Device, Operator
from ups_devstack.services import Services
from ups_devstack.shop import sell
from ups_runtime.testing import eventually
from ups_schemas.decision import EventDecided, Outcome, Reason
from ups_schemas.topics import Service

# Long enough for one event before the end, short enough to wait for.
FREE_S = 6
DECIDED_WITHIN_S = 30


@dataclass
class Lapse:
    """What was sent before the end of the plan, after it, and after a purchase; `bought_at` on the monotonic clock."""

    before: str = ""
    after: str = ""
    bought: str = ""
    bought_at: float = 0


async def lapsing(
    operator: Operator,
    services: Services,
    device: Device,
    lapse: Lapse,
    decided: Mapping[str, EventDecided],
    say: Callable[[str], None],
) -> None:
    """Let the device's plan end in a moment; then buy it another. Each event is sent when the one before is decided."""
    until = datetime.now(UTC) + timedelta(seconds=FREE_S)
    plan = {"name": "advanced", "until": until.isoformat(timespec="milliseconds")}
    await operator.call(Service.DEVICE_SVC, "PUT", f"/v1/operator/devices/{device.device_id}/plan", plan)
    lapse.before = await device.send("OVER_TEMPERATURE")
    await asyncio.sleep((until - datetime.now(UTC)).total_seconds())
    say("its free monitoring period is over → [yellow]Basic Monitoring[/]")
    lapse.after = await device.send("OVERLOAD")
    await _decided(lapse.after, decided)
    lapse.bought_at = time.monotonic()
    await sell(services[Service.DEVICE_SVC].url, services.installation.shop_secret, device.device_id)
    say("a year of advanced is bought, by the shop's webhook")
    lapse.bought = await device.send("CHARGER_FAULT")
    await _decided(lapse.bought, decided)


async def _decided(event_id: str, decided: Mapping[str, EventDecided]) -> None:
    # what is not decided by then is found in the end
    with suppress(AssertionError):
        await eventually(lambda: event_id in decided, within_s=DECIDED_WITHIN_S)


def whether_it_lapsed(
    lapse: Lapse, decided: Mapping[str, EventDecided], mailed_at: Mapping[str, float]
) -> list[tuple[str, bool]]:
    """What the story of the plan promised, and whether it happened."""
    after, bought = decided.get(lapse.after), decided.get(lapse.bought)
    took_s = mailed_at.get(lapse.bought, float("inf")) - lapse.bought_at
    return [
        (
            "before the free period's end it mailed; after it, it logged and did not mail",
            lapse.before in mailed_at
            and after is not None
            and (after.outcome, after.reason) == (Outcome.NOT_ENTITLED, Reason.PLAN),
        ),
        (
            f"bought again, its next event was with the mail server {took_s:.1f} s after the purchase",
            bought is not None and bought.outcome is Outcome.NOTIFY and lapse.bought in mailed_at,
        ),
    ]
