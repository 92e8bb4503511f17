import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
import uvicorn
from aiokafka import TopicPartition
from pydantic import SecretStr
from typer.testing import Result

from ups_cli.examining import brokers, parts
from ups_cli.examining.finding import Finding, Level
from ups_cli.examining.sender_domain import resolver, sender_domain
from ups_devstack.stack import Backing
from ups_notifier.settings import SmtpSettings
from ups_notifier.testing.smtp_server import ScriptedServer, Then, scripted_server
from ups_runtime.clock import SystemClock
from ups_runtime.health import Health, side_app
from ups_runtime.kafka import apply_topics, consumer, producer, started, topic_name
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics
from ups_runtime.settings import KafkaSettings, MongoSettings
from ups_schemas.topics import DECISIONS, TOPICS, Service

Ups = Callable[..., Result]

GOOD = {
    "example.com.": ["v=spf1 mx -all", "some other text"],
    "k1._domainkey.example.com.": ["v=DKIM1; k=ed25519; p=" + "A" * 44],
    "_dmarc.example.com.": ["v=DMARC1; p=reject; sp=quarantine"],
}


class DnsServer(asyncio.DatagramProtocol):
    """Answers TXT questions over UDP from `texts`, by name; of other names it says that they do not exist."""

    def __init__(self, texts: dict[str, list[str]]) -> None:
        self.texts = texts
        self.rcode: dns.rcode.Rcode | None = None
        self.silent = False
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self.silent or self._transport is None:
            return
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        name = query.question[0].name
        texts = self.texts.get(name.to_text())
        if self.rcode is not None:
            answer.set_rcode(self.rcode)
        elif texts is None and not any(dns.name.from_text(each).is_subdomain(name) for each in self.texts):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif texts:
            strings = [" ".join(f'"{text[at : at + 40]}"' for at in range(0, len(text), 40)) for text in texts]
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *strings))
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def dns_server(texts: dict[str, list[str]]) -> AsyncIterator[tuple[DnsServer, str]]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: DnsServer(texts), ("127.0.0.1", 0)
    )
    try:
        yield server, "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


async def looked_up(texts: dict[str, list[str]], *selectors: str, domain: str = "example.com") -> dict[str, Finding]:
    async with dns_server(texts) as (_, address):
        return {finding.check: finding for finding in await sender_domain(resolver(address), domain, selectors)}


async def test_a_domain_in_order_is_fine() -> None:
    found = await looked_up(GOOD, "k1")

    assert {check: finding.level for check, finding in found.items()} == {
        "SPF: example.com": Level.OK,
        "DKIM: k1._domainkey.example.com": Level.OK,
        "DMARC: example.com": Level.OK,
    }
    assert found["SPF: example.com"].said == "v=spf1 mx -all"
    assert found["DKIM: k1._domainkey.example.com"].said == "a key (ed25519)"
    assert found["DMARC: example.com"].said == "p=reject"


@pytest.mark.parametrize(
    ("records", "level", "said"),
    [
        (["v=spf1 mx ~all"], Level.OK, "v=spf1 mx ~all"),
        (["v=spf1 redirect=_spf.example.net"], Level.OK, "redirect"),
        (["V=SPF1 -ALL"], Level.OK, "V=SPF1"),
        ([], Level.WARNING, "no record"),
        (["v=spf10 -all"], Level.WARNING, "no record"),
        (["v=spf1 mx"], Level.WARNING, "other senders"),
        (["v=spf1 mx +all"], Level.FAULT, "everybody"),
        (["v=spf1 all"], Level.FAULT, "everybody"),
        (["v=spf1 mx -all", "v=spf1 -all"], Level.FAULT, "2 records"),
    ],
)
async def test_who_may_send_for_a_domain(records: list[str], level: Level, said: str) -> None:
    found = (await looked_up(GOOD | {"example.com.": records}, "k1"))["SPF: example.com"]

    assert (found.level, said in found.said) == (level, True), found


@pytest.mark.parametrize(
    ("records", "level"),
    [
        (["k=rsa; p=AAAA"], Level.OK),
        (["v=DKIM1; p="], Level.FAULT),
        (["v=DKIM2; p=AAAA"], Level.FAULT),
        (["no key at all"], Level.FAULT),
        ([], Level.FAULT),
    ],
)
async def test_the_key_that_the_relay_signs_with(records: list[str], level: Level) -> None:
    found = await looked_up(GOOD | {"k1._domainkey.example.com.": records}, "k1", "other")

    assert found["DKIM: k1._domainkey.example.com"].level is level
    assert found["DKIM: other._domainkey.example.com"].level is Level.FAULT


async def test_without_a_selector_no_key_is_looked_for_and_that_is_said() -> None:
    found = (await looked_up(GOOD))["DKIM: example.com"]

    assert (found.level, "--dkim-selector" in found.todo) == (Level.WARNING, True)


async def test_a_policy_is_that_of_the_domain_above_where_there_is_none() -> None:
    mail = {"mail.example.com.": ["v=spf1 -all"]}

    found = await looked_up(GOOD | mail, domain="mail.example.com")
    without = await looked_up(mail, domain="mail.example.com")
    doubled = await looked_up(GOOD | {"_dmarc.example.com.": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]})

    assert found["DMARC: mail.example.com"].said == "p=quarantine, from example.com"
    assert without["DMARC: mail.example.com"].level is Level.WARNING
    assert doubled["DMARC: example.com"].level is Level.FAULT


async def test_a_sender_whose_domain_does_not_exist_is_a_fault() -> None:
    found = await looked_up(GOOD, domain="no-such.example")

    assert found["SPF: no-such.example"].level is Level.FAULT


@pytest.mark.parametrize("trouble", ["silent", "servfail", "refused"])
async def test_a_resolver_that_does_not_answer_is_a_warning_and_never_a_fault(trouble: str) -> None:
    async with dns_server(GOOD) as (server, address):
        server.silent = trouble == "silent"
        server.rcode = None if server.silent else dns.rcode.from_text(trouble)
        found = await sender_domain(resolver(address), "example.com", ["k1"])

    assert [finding.level for finding in found] == [Level.WARNING]
    assert "not looked at" in found[0].said


async def test_no_resolver_and_no_domain_are_warnings() -> None:
    assert [one.level for one in await sender_domain(None, "example.com", [])] == [Level.WARNING]
    assert [one.level for one in await sender_domain(resolver("192.0.2.1"), "localhost", [])] == [Level.WARNING]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as running:
        yield running


def smtp(port: int, **more: Any) -> SmtpSettings:
    return SmtpSettings(host="127.0.0.1", port=port, command_timeout_s=2, **more)


async def test_a_relay_is_greeted_and_sent_nothing(server: ScriptedServer) -> None:
    (found,) = await parts.relay(smtp(server.port))

    assert (found.level, found.said) == (Level.OK, f"127.0.0.1:{server.port} answers, without TLS, no log-in set")
    assert server.commands == ["EHLO", "QUIT"]


@pytest.mark.parametrize(
    ("phase", "action", "more", "said"),
    [
        ("CONNECT", "554 go away", {}, "greets with an error (554)"),
        ("CONNECT", Then.HANG, {}, "does not answer"),
        ("CONNECT", Then.CUT, {}, ""),
        ("EHLO", None, {"tls": "starttls"}, "not offered"),
        ("EHLO", None, {"tls": "tls"}, "TLS with the relay fails"),
    ],
)
async def test_a_relay_that_cannot_be_used_is_a_fault_with_its_cause(
    server: ScriptedServer, phase: str, action: str | Then | None, more: dict[str, str], said: str
) -> None:
    if action is not None:
        server.next(phase, action)

    (found,) = await parts.relay(smtp(server.port, **more))

    assert found.level is Level.FAULT
    assert said in found.said


async def test_a_relay_that_is_not_there_is_a_fault() -> None:
    (found,) = await parts.relay(smtp(1))

    assert (found.level, "refuses connections" in found.said) == (Level.FAULT, True)


@pytest.mark.parametrize(
    ("ahead_s", "level", "said"),
    [
        (2.5, Level.OK, "as this machine's"),
        (4, Level.WARNING, "4 s ahead"),
        (-59, Level.WARNING, "59 s behind"),
        (60, Level.FAULT, "60 s ahead"),
        (-3600, Level.FAULT, "3,600 s behind"),
    ],
)
def test_clocks_that_differ_are_said(ahead_s: float, level: Level, said: str) -> None:
    found = parts.clock("database", timedelta(seconds=ahead_s))

    assert (found.level, said in found.said) == (level, True)


async def test_the_database_is_a_replica_set_with_a_clock(stack: Backing) -> None:
    found = await parts.database(MongoSettings(uri=SecretStr(stack.mongo_uri)), 10)

    assert [(one.check, one.level) for one in found] == [("database", Level.OK), ("clock: database", Level.OK)]


async def test_a_database_that_is_away_is_a_fault() -> None:
    uri = SecretStr("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300")

    (found,) = await parts.database(MongoSettings(uri=uri), 2)

    assert found.level is Level.FAULT


@pytest.fixture
def health() -> Iterator[tuple[Health, str]]:
    """A service's own side port."""
    health = Health(SystemClock())
    app = side_app(health, Metrics("notifier"))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        # who connects before the server runs waits for it
        listening.listen()
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield health, f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join()


async def test_a_service_says_whether_it_is_ready_and_what_time_it_has(health: tuple[Health, str]) -> None:
    of, url = health
    ready = await parts.service("notifier", url)
    of.add("relay", lambda: "the relay refuses the log-in")
    waiting = await parts.service("notifier", url)

    assert [(one.check, one.level) for one in ready] == [("ready: notifier", Level.OK), ("clock: notifier", Level.OK)]
    assert (waiting[0].level, waiting[0].said) == (Level.FAULT, "relay: the relay refuses the log-in")


async def test_what_is_no_service_of_ours_is_a_fault(connected: Any) -> None:
    found = await parts.service("notifier", connected.url)

    assert (found[0].level, "not its own" in found[0].said) == (Level.FAULT, True)


@pytest.fixture
async def kafka(stack: Backing, prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(settings, TOPICS, 1, get_logger("test"))
    return settings


async def test_the_brokers_and_their_topics_are_fine(kafka: KafkaSettings) -> None:
    found = await brokers.brokers(kafka)

    assert [(one.check, one.level) for one in found] == [("brokers", Level.OK), ("topics", Level.OK)]


async def test_topics_that_differ_are_a_fault(stack: Backing, prefix: str) -> None:
    _, topics = await brokers.brokers(KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix))

    assert (topics.level, "ups topics" in topics.todo) == (Level.FAULT, True)


async def test_what_a_service_has_not_read_is_counted(kafka: KafkaSettings) -> None:
    idle = await brokers.lag(kafka, Service.NOTIFIER)
    async with started(producer(kafka, "test")) as writer:
        for number in range(brokers.LAG_ALLOWED + 1):
            await writer.send(topic_name(kafka, DECISIONS), str(number).encode(), partition=0)
    never = await brokers.lag(kafka, Service.NOTIFIER)
    await read_so_far(kafka, 0)
    behind = await brokers.lag(kafka, Service.NOTIFIER)
    await read_so_far(kafka, 1)
    allowed = await brokers.lag(kafka, Service.NOTIFIER)

    assert [(one.level, one.said) for each in (idle, never, behind, allowed) for one in each] == [
        (Level.OK, "has read what there is"),
        (Level.WARNING, "it has never read its topics"),
        (Level.FAULT, "501 records not read, and not shrinking"),
        (Level.OK, "has read what there is"),
    ]


async def read_so_far(kafka: KafkaSettings, offset: int) -> None:
    partition = TopicPartition(topic_name(kafka, DECISIONS), 0)
    async with started(consumer(kafka, Service.NOTIFIER)) as reader:
        reader.assign([partition])
        await reader.commit({partition: offset})


@pytest.fixture
def away(nowhere: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "UPS_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "UPS_MONGO_URI": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300",
        "UPS_SMTP_HOST": "127.0.0.1",
        "UPS_SMTP_PORT": "1",
        "UPS_MAIL_EVENT_FROM": "Ridethrough <events@localhost>",
        "UPS_CLI_READY_URLS": "notifier=http://127.0.0.1:1, throttle=http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)


def test_with_every_part_away_each_has_a_line(away: None, ups: Ups) -> None:
    result = ups("doctor", "--json")

    assert result.exit_code == 1, result.output
    levels = {one["check"]: one["level"] for one in json.loads(result.stdout)["findings"]}
    assert {check for check, level in levels.items() if level == "fault"} == {
        "brokers",
        "database",
        "relay",
        "ready: notifier",
        "ready: throttle",
    }
    assert levels["DNS: localhost"] == "warning"
    assert "Traceback" not in result.output
    assert all(one["what_to_do"] for one in json.loads(result.stdout)["findings"])


@pytest.mark.parametrize("wrong", ["nowhere", "127.0.0.1:dns"])
def test_a_dns_server_that_is_none_is_wrong_use(away: None, ups: Ups, wrong: str) -> None:
    assert ups("doctor", "--dns-server", wrong).exit_code == 2


def test_addresses_of_services_that_are_none_are_wrong_settings(
    away: None, ups: Ups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPS_CLI_READY_URLS", "notifier")

    result = ups("doctor")

    assert (result.exit_code, "UPS_CLI_READY_URLS" in result.stderr) == (2, True)
