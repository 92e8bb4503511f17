"""Rows of the Event Log by the million: as device-svc writes them, but made from two of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Timestamp
from rich.progress import Progress

from ups_device.adapters.changed_at import FIELD
from ups_device.adapters.migrations import STEPS
from ups_device.adapters.mongo_log import MongoLog
from ups_device.domain.event_log import CompanyLog, DeviceLog, row_id
from ups_device.testing.examples import a_decision, a_new_decision, a_new_event, an_event
from ups_runtime import mongo
from ups_runtime.mongo import Database
from ups_schemas.decision import Outcome
from ups_schemas.envelope import format_timestamp

DEVICE, COMPANY = DeviceLog("d1", 1), CompanyLog("acme")

# One row each 2 s: a million is what a very busy company keeps of a year.
FIRST, APART = datetime(2026, 1, 1, tzinfo=UTC), timedelta(seconds=2)
# The oldest rows, which a page that looks through all of them finds last.
RARE = 5
RARE_CODE, RARE_OUTCOME = "BATTERY_LOW", Outcome.NOTIFY
COMMON_CODE, COMMON_OUTCOME = "ON_BATTERY", Outcome.REPEAT
BATCH = 5_000


@dataclass(frozen=True)
class Whose:
    """The company whose rows they are, and its devices, which have them in turn."""

    company_id: str = COMPANY.company_id
    device_ids: tuple[str, ...] = (DEVICE.device_id,)


def received_at(number: int, first: datetime = FIRST) -> datetime:
    """When the row with this number came."""
    return first + number * APART


async def fill(
    db: Database, rows: int, progress: Progress, whose: Whose | None = None, first: datetime = FIRST
) -> None:
    """So many rows, instead of those that are there, with every index; of one device, unless it is said whose."""
    await mongo.migrate(db, STEPS)
    rare, common = [await _template(db, *kind) for kind in ((RARE_CODE, RARE_OUTCOME), (COMMON_CODE, COMMON_OUTCOME))]
    await db.events.delete_many({})
    task = progress.add_task(f"fill {rows:,} rows", total=rows)
    for start in range(0, rows, BATCH):
        numbers = range(start, min(start + BATCH, rows))
        batch = list(_copies(rare, common, numbers, whose or Whose(), first))
        await db.events.insert_many(batch, ordered=False)
        progress.advance(task, len(batch))
    progress.remove_task(task)


async def _template(db: Database, code: str, outcome: Outcome) -> dict[str, Any]:
    """The document that the service makes of such an event and its decision."""
    event = an_event(0, code=code, received_at=FIRST, event_id=f"template-{code}")
    log = MongoLog(db)
    await log.add_events([a_new_event(event)])
    await log.add_decisions([a_new_decision(a_decision(event, outcome))])
    found = await db.events.find_one({"code": code})
    assert found is not None
    return found


def _copies(
    rare: dict[str, Any], common: dict[str, Any], numbers: range, whose: Whose, first: datetime
) -> Iterator[dict[str, Any]]:
    for number in numbers:
        template = rare if number < RARE else common
        event_id, at = f"e{number}", received_at(number, first)
        device_id = whose.device_ids[number % len(whose.device_ids)]
        said = {
            f"template-{template['code']}": event_id,
            format_timestamp(FIRST): format_timestamp(at),
            f'"{DEVICE.device_id}"': f'"{device_id}"',
            f'"{COMPANY.company_id}"': f'"{whose.company_id}"',
        }
        texts = {name: template[name] for name in ("event", "decision")}
        for old, new in said.items():
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        yield (
            template
            | texts
            | {
                "_id": row_id(device_id, event_id),
                "device_id": device_id,
                "company_id": whose.company_id,
                "received_at": at,
                "expires_at": datetime(2100, 1, 1, tzinfo=UTC),
                FIELD: Timestamp(0, 0),
            }
        )
