"""The demo: a calm site, a power cut, a device that chatters, one whose plan ends; and whether all of it happened."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from rich.console import Console
from rich.markup import escape

from ups_devstack.cast import PERIOD_S, Cast, People, cast, people
from ups_devstack.drill import Drilled, drill
from ups_devstack.fleet import Device, Operator
from ups_devstack.founding import whether_they_came_in
from ups_devstack.inbox import Mail
from ups_devstack.lapse import Lapse, lapsing, whether_it_lapsed
from ups_devstack.services import Services
from ups_runtime.codec import decode
from ups_runtime.kafka import consumer, started, topic_name
from ups_schemas.catalogue import name_of
from ups_schemas.decision import Decision, EventDecided, LateEventsDecided, NotificationsDisabled, NotificationsEnabled
from ups_schemas.mail import DeliveryState, MailDelivery
from ups_schemas.topics import DECISIONS, MAIL_DELIVERIES, Service

PULSE_EVERY_S = 5
# What the story takes on two slow cores, from the first event to the last mail.
NEEDED_S = 45


@dataclass
class Seen:
    """What was read from the topics so far."""

    decided: dict[str, EventDecided] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    disabled: list[NotificationsDisabled] = field(default_factory=list)
    enabled: list[NotificationsEnabled] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    account_mails: set[str] = field(default_factory=set)
    in_digests: set[str] = field(default_factory=set)
    to_be_mailed: int = 0
    mailed_at: dict[str, float] = field(default_factory=dict)
    quiet_over: asyncio.Event = field(default_factory=asyncio.Event)


async def calm(devices: list[Device]) -> None:
    """A site where nothing happens: readings only, until cancelled."""
    while True:
        for device in devices:
            await device.send("STATUS", attributes={"battery_charge_percent": 100, "load_percent": 31, "status": "OL"})
        await asyncio.sleep(PULSE_EVERY_S)


async def power_cut(device: Device) -> None:
    """Power fails, the battery runs low, power returns."""
    await asyncio.sleep(2)
    await device.send(
        "ON_BATTERY", attributes={"battery_charge_percent": 96, "battery_runtime_s": 1260, "status": "OB"}
    )
    await asyncio.sleep(3)
    await device.send("ON_BATTERY", phase="repeat")
    await asyncio.sleep(3)
    await device.send(
        "BATTERY_LOW", attributes={"battery_charge_percent": 19, "battery_runtime_s": 95, "status": "OB LB"}
    )
    await asyncio.sleep(3)
    await device.send("POWER_RESTORED", attributes=_battery(18, 90, "OL CHRG"))
    await device.send("BATTERY_LOW_CLEARED", attributes=_battery(21, 120, "OL CHRG"))


def _battery(charge_percent: float, runtime_s: float, status: str) -> dict[str, float | str]:
    return {"battery_charge_percent": charge_percent, "battery_runtime_s": runtime_s, "status": status}


async def chatter(device: Device, seen: Seen) -> None:
    """Contact comes and goes until the device is silenced, and on; then, enabled again, one honest event."""
    for turn in range(10):
        await asyncio.sleep(0.7)
        await device.send("COMM_LOST" if turn % 2 == 0 else "COMM_RESTORED")
    await seen.quiet_over.wait()
    await asyncio.sleep(1)
    await device.send("BATTERY_REPLACE")


async def watch(services: Services, cast: Cast, seen: Seen, console: Console) -> None:
    """Read decisions and deliveries and say them, until cancelled."""
    settings = services.kafka
    client = consumer(settings, None)
    decisions, deliveries = topic_name(settings, DECISIONS), topic_name(settings, MAIL_DELIVERIES)
    name_by_device = {device.device_id: device.name for device in cast.devices}
    client.subscribe([decisions, deliveries])
    async with started(client):
        async for record in client:
            if record.topic == decisions:
                decision = decode(record, Decision).data
                name = name_by_device.get(decision.device_id)
                if name:
                    _say(console, name, _decided(decision, cast, seen))
            else:
                delivery = decode(record, MailDelivery).data
                if delivery.state is DeliveryState.ACCEPTED and delivery.device_id is None:
                    seen.account_mails.add(delivery.delivery_id)
                elif delivery.state is DeliveryState.ACCEPTED and delivery.delivery_id not in seen.accepted:
                    seen.accepted.add(delivery.delivery_id)
                    seen.mailed_at.setdefault(delivery.event_id or "", time.monotonic())
                    if delivery.reason == "digest":
                        seen.in_digests.add(delivery.delivery_id)


def _say(console: Console, name: str, what: str) -> None:
    console.print(f"[dim]{time.strftime('%H:%M:%S')}[/]  [bold]{escape(name):<14}[/] {what}", soft_wrap=True)


def _decided(decision: Decision, cast: Cast, seen: Seen) -> str:
    people = ", ".join(cast.name_by_user.get(user, user) for user in decision.recipients)
    seen.to_be_mailed += len(decision.recipients)
    match decision:
        case EventDecided():
            identity = decision.event.event_id
            seen.doubled += [identity] if identity in seen.decided else []
            seen.decided[identity] = decision
            what = f"{name_of(decision.event.code)}"
            if decision.event.phase == "repeat":
                what += ", still"
            why = f" ({decision.reason})" if decision.reason else ""
            if decision.event.test:
                return f"a drill → [green]mailed to {people}[/]"
            if decision.recipients and decision.count:
                count = f"{decision.count.position} of {decision.count.limit}"
                return f"{what} → [green]mailed to {people}[/] ({count})"
            return f"{what} → [yellow]{decision.outcome.replace('_', ' ')}{why}[/]"
        case LateEventsDecided():
            return f"what late events left open → mailed to {people}"
        case NotificationsDisabled():
            seen.disabled.append(decision)
            return f"[red]Event Notifications Disabled[/] for {PERIOD_S} s → alert to {people}"
        case NotificationsEnabled():
            seen.enabled.append(decision)
            seen.quiet_over.set()
            happened = f"{decision.suppressed_count} kept quiet"
            return f"[cyan]Event Notifications enabled again[/] by {decision.by}; {happened} → summary to {people}"


async def verdict(
    operator: Operator, services: Services, cast: Cast, seen: Seen, drilled: Drilled, lapse: Lapse
) -> list[tuple[str, bool]]:
    """What the story promised, and whether it happened."""
    sent = [event_id for device in cast.devices for event_id in device.sent_ids]
    rows = [row for device in cast.devices for row in await operator.log_rows(device)]
    logged = Counter(row["event"]["event_id"] for row in rows)
    mails = await services.backing.inbox.mails()
    arrived = Counter(str(mail.header("Message-ID")).strip("<>").partition("@")[0] for mail in mails)
    people = {cast.owner.address, cast.coworker.address}
    alerts = [mail for mail in mails if "Event Notifications Disabled" in mail.subject]
    replies = [mail for mail in mails if mail.header("In-Reply-To")]
    state = await operator.notifications(cast.chatterer)
    return [
        *await whether_they_came_in(cast.owner, cast.coworker),
        (f"all {len(sent)} events are in the Event Log, each once", logged == Counter(sent)),
        ("every row has its decision", all(row["decision"] for row in rows)),
        ("every event was decided once", set(seen.decided) == set(sent) and not seen.doubled),
        ("the chatterer was silenced once", len(seen.disabled) == 1),
        ("it was enabled again once, by time", [each.by for each in seen.enabled] == ["time"]),
        ("device-svc says that it is enabled", state["state"] == "enabled"),
        ("the owner and the co-worker have the alert", {mail.recipients[0] for mail in alerts} == people),
        _answered(replies, seen),
        *whether_it_lapsed(lapse, seen.decided, seen.mailed_at),
        (
            f"{seen.to_be_mailed} mails were decided, and each is in the inbox once{_by_digests(seen, arrived)}",
            len(seen.accepted) == seen.to_be_mailed
            and set(arrived.values()) == {1}
            and seen.accepted - seen.in_digests <= arrived.keys() - seen.account_mails <= seen.accepted
            and bool(seen.in_digests) == bool(seen.in_digests & arrived.keys()),
        ),
        (_said(drilled), drilled.exit_code == 0),
    ]


def _answered(replies: Sequence[Mail], seen: Seen) -> tuple[str, bool]:
    if seen.in_digests and not replies:
        return ("clears came with their raises, in digests", True)
    return ("clears came as replies to their raises", bool(replies))


def _by_digests(seen: Seen, arrived: Counter[str]) -> str:
    digests = len(seen.in_digests & arrived.keys())
    return f", {len(seen.in_digests)} of them in {digests} digests" if digests else ""


def _said(drilled: Drilled) -> str:
    if drilled.exit_code == 0:
        return f"ups drill: the mail server took a test mail after {drilled.receipt['hops'][-1]['after_s']:.1f} s"
    return f"ups drill ended with {drilled.exit_code}: {(drilled.error or {}).get('title')}"


async def play(services: Services, for_s: float | None, console: Console) -> bool:
    """Run the story, then go on until `for_s` seconds are over (or for ever); whether everything happened."""
    began = time.monotonic()
    async with Operator(services) as operator:
        who = people(operator)
        _where(services, who, console)
        cast_ = await cast(operator, who, lambda person, what: _say(console, person.first_name, what))
        _introduce(services, cast_, console)
        seen, lapse = Seen(), Lapse()
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(watch(services, cast_, seen, console)),
                group.create_task(calm(cast_.calm)),
            ]
            story = [
                group.create_task(power_cut(cast_.outage)),
                group.create_task(chatter(cast_.chatterer, seen)),
                group.create_task(
                    lapsing(operator, services, cast_.lapsing, lapse, seen.decided, partial(_say, console)),
                ),
            ]
            await asyncio.wait(story, timeout=None if for_s is None else max(for_s - 5, 1))
            ended = all(task.done() for task in story)
            good = await _settle(operator, services, cast_, seen, lapse, console) if ended else False
            if not ended:
                console.print(f"[red]The story was not over after {for_s:.0f} s; it takes about {NEEDED_S} s.[/]")
            rest_s = None if for_s is None else max(0.0, for_s - (time.monotonic() - began))
            if rest_s is None:
                console.print("The calm site goes on. Send events of your own; Ctrl-C stops everything.")
                await asyncio.Event().wait()
            await asyncio.sleep(rest_s or 0)
            for task in (*background, *story):
                task.cancel()
    return good


async def _settle(
    operator: Operator, services: Services, cast_: Cast, seen: Seen, lapse: Lapse, console: Console
) -> bool:
    """Drill, give the last mails a few seconds, then say what came of it."""
    device = cast_.calm[0]
    drilled = await drill(services, device.device_id)
    device.sent_ids += [drilled.receipt["event_id"]] if drilled.receipt else []
    deadline = time.monotonic() + 20
    while True:
        checks = await verdict(operator, services, cast_, seen, drilled, lapse)
        if all(good for _, good in checks) or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.5)
    console.print()
    for text, good in checks:
        console.print(f"  [green]✓[/] {text}" if good else f"  [red]✗ {text}[/]")
    console.print(f"\nRead the mails: [link]{services.backing.inbox.url}[/]\n")
    return all(good for _, good in checks)


def _where(services: Services, who: People, console: Console) -> None:
    console.print("\nOpen the portal in a browser, and sign in as Ada as soon as she has founded her company:\n")
    _sign_in(services, who, console)
    console.print(f"  Inbox         {services.backing.inbox.url}")
    for name, child in services.children.items():
        if child.url and name is not Service.PORTAL:
            console.print(f"  {name:<13} {child.url}")
    console.print("  [dim].devstack/stack.json has all addresses and the operator token[/]\n")


def _sign_in(services: Services, who: People | Cast, console: Console) -> None:
    console.print(f"  Portal        [link]{services[Service.PORTAL].url}/sign-in[/]")
    for person, what in ((who.owner, "the owner"), (who.coworker, "her co-worker")):
        said = f"  {person.first_name:<13} {person.address}  password {person.password}  ({what})"
        console.print(said, markup=False, soft_wrap=True)
    console.print()


def _introduce(services: Services, cast_: Cast, console: Console) -> None:
    console.print("\nBoth can sign in now:\n")
    _sign_in(services, cast_, console)
    credentials = {"address": cast_.owner.address, "password": cast_.owner.password}
    console.print("As a program, sign in so; the access token in the answer is good for 10 minutes:\n")
    _curl(console, f"{services[Service.INVITE_SVC].url}/v1/sessions", credentials)
    device = cast_.calm[0]
    console.print(f"Send an event of your own, as {device.name}:\n")
    _curl(console, f"{services[Service.EVENT_INGEST].url}/v1/events", {"code": "OVERLOAD"}, bearer=device.key)


def _curl(console: Console, url: str, body: Mapping[str, str], bearer: str | None = None) -> None:
    authorization = f"-H 'Authorization: Bearer {bearer}' " if bearer else ""
    line = f"  curl -X POST {url} {authorization}-H 'Content-Type: application/json' -d '{json.dumps(body)}'\n"
    console.print(line, soft_wrap=True, highlight=False, markup=False)
