"""`ups doctor`: looks at every part of an installation side by side, and says what to do."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Annotated

import dns.asyncresolver
import dns.resolver
import typer

from ups_cli.errors import CliError, ExitCode
from ups_cli.examining import brokers, parts
from ups_cli.examining.finding import Finding, Level, bounded, warning
from ups_cli.examining.sender_domain import domain_of, resolver, sender_domain
from ups_cli.output import AsJson, progress, say_json, say_table
from ups_cli.settings import DoctorTarget, doctor_target

_WITHIN_S = 20
_AWAY = "see that it runs, and its address"


def doctor(
    dkim_selector: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Under which selector the relay signs mails; repeat.")
    ] = None,
    dns_server: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Ask this DNS server, for example 192.0.2.53:53.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Look at brokers, topics, lag, clocks, database, relay, the senders' domains and each service; mend nothing.

    Sends no mail. Exit 1 when there is a fault; warnings alone are 0.
    """
    try:
        asked = resolver(dns_server)
    except dns.resolver.NoResolverConfiguration:
        asked = None
    except ValueError:
        raise typer.BadParameter(f"{dns_server!r} is no DNS server; give one like 192.0.2.53:53") from None
    findings = asyncio.run(_examine(doctor_target(), asked, dkim_selector or []))
    if as_json:
        say_json({"findings": [_as_json(finding) for finding in findings]})
    else:
        say_table(
            ("", "check", "found", "what to do"), ((one.level, one.check, one.said, one.todo) for one in findings)
        )
    faults = sum(finding.level is Level.FAULT for finding in findings)
    if faults:
        raise CliError(ExitCode.NO, f"{faults} faults." if faults > 1 else "1 fault.")


async def _examine(
    target: DoctorTarget, asked: dns.asyncresolver.Resolver | None, selectors: Sequence[str]
) -> Sequence[Finding]:
    domains = dict.fromkeys(map(domain_of, (target.mail.event_from, target.mail.account)))
    looks: list[tuple[str, Awaitable[Sequence[Finding]]]] = [
        ("brokers", brokers.brokers(target.kafka)),
        *((f"lag of {service}", brokers.lag(target.kafka, service)) for service in brokers.READ_BY),
        ("database", parts.database(target.mongo, _WITHIN_S)),
        ("relay", parts.relay(target.smtp)),
        *((f"DNS: {domain}", sender_domain(asked, domain, selectors)) for domain in domains),
        *((f"ready: {name}", parts.service(name, url)) for name, url in target.cli.ready_by_service.items()),
    ]
    with progress() as bar:
        task = bar.add_task("looking", total=len(looks))

        async def look(check: str, findings: Awaitable[Sequence[Finding]]) -> Sequence[Finding]:
            found = await bounded(check, findings, _WITHIN_S, _AWAY)
            bar.update(task, description=check, advance=1)
            return found

        found = [one for several in await asyncio.gather(*(look(*each) for each in looks)) for one in several]
    if not target.cli.ready_by_service:
        found.append(warning("ready", "no service was looked at", "set UPS_CLI_READY_URLS"))
    return found


def _as_json(finding: Finding) -> dict[str, str]:
    return {"check": finding.check, "level": finding.level, "found": finding.said, "what_to_do": finding.todo}
