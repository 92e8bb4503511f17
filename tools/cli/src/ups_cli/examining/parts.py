"""The database, the relay and the services: whether they answer, and whether all clocks agree."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
from pymongo.errors import PyMongoError

from ups_cli.examining.finding import Finding, fault, ok, warning
from ups_notifier.adapters.smtp import Relay
from ups_notifier.relay_address import relay_address
from ups_notifier.settings import SmtpSettings
from ups_runtime import mongo
from ups_runtime.settings import MongoSettings
from ups_schemas.topics import MAX_AHEAD

# A header has whole seconds, and a busy machine answers late. Tripled, a mail's times look wrong to its reader.
_CLOCK_TOLERANCE = timedelta(seconds=3)
_CLOCK_ADVICE = "let NTP set the clocks: ingest whose clock is a minute ahead is refused by the brokers"
_MONGO_ADVICE = "see that MongoDB runs, and UPS_MONGO_URI"


async def database(settings: MongoSettings, within_s: float) -> Sequence[Finding]:
    """Whether it is a replica set with a primary, which transactions need; and its clock."""
    client = mongo.client(settings)
    try:
        asked = datetime.now(UTC)
        hello = await client.admin.command("hello", maxTimeMS=int(within_s * 1000))
        answered = datetime.now(UTC)
    except PyMongoError as error:
        return [fault("database", f"MongoDB does not answer: {type(error).__name__}", _MONGO_ADVICE)]
    finally:
        await client.close()
    if not hello.get("setName") and hello.get("msg") != "isdbgrid":
        todo = "start mongod with --replSet and call rs.initiate() once; one member is enough"
        return [fault("database", "MongoDB runs without a replica set, which transactions need", todo)]
    if not hello.get("isWritablePrimary"):
        return [fault("database", "the replica set has no primary", "rs.status() says why")]
    members = len(hello.get("hosts", ()))
    # the answer to a command has naive times, whatever the client is set to
    ahead = hello["localTime"].replace(tzinfo=UTC) - (asked + (answered - asked) / 2)
    return [
        ok("database", f"replica set {hello.get('setName', 'behind mongos')}, {members} members, a primary"),
        clock("database", ahead),
    ]


async def relay(smtp: SmtpSettings) -> Sequence[Finding]:
    """Connect, encrypt and log in, as the notifier does; no mail is sent."""
    address = replace(relay_address(smtp), command_timeout_s=min(smtp.command_timeout_s, 10))
    where = f"{smtp.host}:{smtp.port}"
    async with Relay(address) as tried:
        trouble = await tried.probe()
    if trouble is not None:
        code = f" ({trouble.code})" if trouble.code else ""
        return [fault("relay", f"{where}: {trouble.cause}{code}", "see UPS_SMTP_*, and the relay's own log")]
    safe = {"none": "without TLS", "starttls": "STARTTLS", "tls": "TLS"}[smtp.tls]
    login = "logged in" if smtp.username else "no log-in set"
    if smtp.tls == "none" and smtp.host not in {"localhost", "127.0.0.1", "::1"}:
        return [warning("relay", f"{where} answers, {safe}", "mails travel in the open: set UPS_SMTP_TLS")]
    return [ok("relay", f"{where} answers, {safe}, {login}")]


async def service(name: str, url: str) -> Sequence[Finding]:
    """What the service's `/readyz` says, and its clock."""
    check = f"ready: {name}"
    asked, began = datetime.now(UTC), time.monotonic()
    try:
        # trust_env: a proxy of the environment has no business with an installation's own services
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            response = await client.get(f"{url.rstrip('/')}/readyz")
        answer = response.json()
        missing = answer.get("missing", {}) if isinstance(answer, dict) else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return [fault(check, f"does not answer: {type(error).__name__}", "start it; its log and exit code say why")]
    except ValueError:
        missing = None
    if not isinstance(missing, dict) or response.status_code not in {httpx.codes.OK, httpx.codes.SERVICE_UNAVAILABLE}:
        return [fault(check, "answers with something that is not its own", "check UPS_CLI_READY_URLS")]
    told = "; ".join(f"{what}: {why}" for what, why in missing.items())
    found = fault(check, told, "docs/runbook.md, Health") if missing else ok(check, "yes")
    return [found, *_service_clock(name, response, asked, time.monotonic() - began)]


def clock(whose: str, ahead: timedelta) -> Finding:
    """How far a clock is ahead of this machine's."""
    check, seconds = f"clock: {whose}", ahead.total_seconds()
    if abs(ahead) <= _CLOCK_TOLERANCE:
        return ok(check, f"as this machine's, give or take {_CLOCK_TOLERANCE.total_seconds():g} s")
    told = f"{abs(seconds):,.0f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
    return (fault if abs(ahead) >= MAX_AHEAD else warning)(check, told, _CLOCK_ADVICE)


def _service_clock(name: str, response: httpx.Response, asked: datetime, took_s: float) -> Sequence[Finding]:
    try:
        # HTTP's dates are in GMT, however they are spelt (RFC 9110, 5.6.7)
        said = parsedate_to_datetime(response.headers.get("date", "")).replace(tzinfo=UTC)
    except ValueError:
        return []
    # the header's second began up to one second before
    return [clock(name, said + timedelta(seconds=0.5) - asked - timedelta(seconds=took_s / 2))]
