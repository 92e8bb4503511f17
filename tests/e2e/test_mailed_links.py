"""What people do with nothing but a mail: enable, unsubscribe, and undo it."""

import re

import httpx

from ups_runtime.testing import eventually
from ups_schemas.topics import Service


class Reader:
    """Somebody who follows links; whatever serves the pages, device-svc decides. Holds no operator token."""

    def __init__(self, services, stack, person) -> None:
        self.person = person
        self._services = services
        self._stack = stack

    async def mails(self):
        return await self._stack.inbox.mails(to=self.person["address"])

    async def token(self, kind: str) -> str | None:
        for mail in reversed(await self.mails()):
            if found := re.search(rf"/l/{kind}/([\w.=-]+)", mail.text):
                return found[1]
        return None

    async def post(self, verb: str, **body):
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            return await client.post(f"{self._services[Service.DEVICE_SVC].url}/v1/links/{verb}", json=body)


async def test_the_owner_enables_by_the_link_in_the_alert_and_nobody_else_has_one(
    operator, services, stack, address
) -> None:
    ada = await operator.add_user(address("ada"), "Ada")
    ben = await operator.add_user(address("ben"), "Ben", ada["company_id"])
    await operator.set_policy(ada["company_id"], limit=1)
    subscribers = [{"user_id": ben["user_id"]}]
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Chatterer", subscribers=subscribers)
    owner, other = Reader(services, stack, ada), Reader(services, stack, ben)
    await device.send("COMM_LOST")
    await device.send("COMM_RESTORED")
    token = await eventually(lambda: owner.token("enable"), within_s=60)
    await eventually(lambda: has_mails(other, 2), within_s=60)

    shown = await eventually(lambda: looked_up(owner, token), within_s=30)
    first = await owner.post("enable", token=token)
    await eventually(lambda: state(operator, device, "enabled"), within_s=30)
    again = await owner.post("enable", token=token)

    assert await other.token("enable") is None
    assert (shown["may_enable"], shown["device"]["name"]) == (True, "Chatterer")
    assert (first.status_code, first.json()["result"]) == (202, "requested")
    assert (again.status_code, again.json()["result"]) == (200, "already_enabled")


async def test_unsubscribing_holds_for_mail_that_is_queued_and_for_what_is_decided_later(
    operator, services, stack, address
) -> None:
    ada = await operator.add_user(address("ada"), "Ada")
    ben = await operator.add_user(address("ben"), "Ben", ada["company_id"])
    subscribers = [{"user_id": ben["user_id"]}]
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Rack", subscribers=subscribers)
    both = {ada["user_id"], ben["user_id"]}
    reader = Reader(services, stack, ben)
    await device.send("COMM_LOST")
    token = await eventually(lambda: reader.token("unsubscribe"), within_s=60)

    services[Service.NOTIFIER].stop()
    try:
        queued = await device.send("OVERLOAD")
        told_of_queued = await recipients(operator, device, queued)
        answers = [await reader.post("unsubscribe", token=token, scope="company") for _ in range(3)]
    finally:
        services[Service.NOTIFIER].start()
    later = await device.send("ON_BATTERY")
    told_of_later = await recipients(operator, device, later)
    dropped = await eventually(lambda: delivery(operator, ben, queued), within_s=60)
    undone = await reader.post("resubscribe", token=token, scope="company")
    last = await device.send("UPS_FAULT")
    told_of_last = await recipients(operator, device, last)

    assert told_of_queued == both
    assert [answer.json()["result"] for answer in answers] == ["unsubscribed"] + ["already_unsubscribed"] * 2
    assert told_of_later == {ada["user_id"]}
    assert (dropped["state"], dropped["reason"]) == ("dropped", "unsubscribed")
    assert undone.json()["result"] == "resubscribed"
    assert told_of_last == both


async def looked_up(reader: Reader, token: str):
    answer = await reader.post("lookup", kind="enable", token=token)
    return answer.json() if answer.status_code == 200 else None


async def state(operator, device, wanted: str) -> bool:
    return bool((await operator.notifications(device))["state"] == wanted)


async def has_mails(reader: Reader, count: int) -> bool:
    return len(await reader.mails()) >= count


async def recipients(operator, device, event_id: str) -> set[str]:
    return set((await eventually(lambda: operator.decision(device, event_id), within_s=60))["recipients"])


async def delivery(operator, person, event_id: str):
    answer = await operator.call(Service.NOTIFIER, "GET", "/v1/operator/deliveries", user_id=person["user_id"])
    found = [each for each in answer["deliveries"] if each["event_id"] == event_id]
    return found[0] if found and found[0]["state"] in ("dropped", "accepted") else None
