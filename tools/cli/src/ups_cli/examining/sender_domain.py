"""A sender's domain in DNS: SPF, DKIM and DMARC, as receivers look for them."""

import re
from collections.abc import Sequence
from email.utils import parseaddr

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from ups_cli.examining.finding import Finding, fault, ok, warning

_LIFETIME_S = 6.0
_ASK_DNS = "add it to DNS, or ask who runs the domain"


class _SilentError(Exception):
    """DNS gave no answer: nothing is known."""


class _NoDomainError(Exception):
    """The name does not exist."""


def resolver(server: str | None) -> dns.asyncresolver.Resolver:
    """The machine's resolver, or the server given as `address` or `address:port`.

    Raises:
        ValueError: it is no such thing.
        dns.resolver.NoResolverConfiguration: the machine has none.
    """
    if server is None:
        return dns.asyncresolver.Resolver()
    address, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "")
    made = dns.asyncresolver.Resolver(configure=False)
    made.nameservers = [address]
    made.port = int(port) if port else 53
    return made


def domain_of(sender: str) -> str:
    """The domain of an address, or of a name and an address."""
    return parseaddr(sender)[1].rpartition("@")[2].lower()


async def sender_domain(
    asked: dns.asyncresolver.Resolver | None, domain: str, selectors: Sequence[str]
) -> Sequence[Finding]:
    """What DNS says of the domain; a resolver that does not answer is a warning, since nothing is known then."""
    if "." not in domain:
        return [warning(f"DNS: {domain}", "no mail from it is believed", "set UPS_MAIL_EVENT_FROM to a real address")]
    if asked is None:
        return [_silent(domain, "this machine has no resolver")]
    try:
        return [
            await _spf(asked, domain),
            *[await _dkim(asked, domain, selector) for selector in selectors],
            *([] if selectors else [_no_selector(domain)]),
            await _dmarc(asked, domain),
        ]
    except _SilentError as error:
        return [_silent(domain, str(error))]


async def _spf(asked: dns.asyncresolver.Resolver, domain: str) -> Finding:
    check = f"SPF: {domain}"
    try:
        texts = await _texts(asked, domain)
    except _NoDomainError:
        return fault(check, "the domain does not exist", "set UPS_MAIL_EVENT_FROM to an address of a domain of yours")
    # RFC 7208: 4.5 which records count, 4.6.2 and 5.1 what `all` means
    records = [text for text in texts if re.match(r"v=spf1( |$)", text, re.IGNORECASE)]
    if not records:
        return warning(check, "no record: receivers cannot tell who may send for it", _ASK_DNS)
    if len(records) > 1:
        return fault(check, f"{len(records)} records: receivers take that as an error", "leave one")
    terms = records[0].lower().split()[1:]
    if {"+all", "all"} & set(terms):
        return fault(check, "lets everybody send for the domain (+all)", "end the record with -all or ~all")
    if not any(term in {"-all", "~all", "?all"} or term.startswith("redirect=") for term in terms):
        return warning(check, "says nothing of all other senders", "end the record with -all or ~all")
    return ok(check, records[0])


def _no_selector(domain: str) -> Finding:
    todo = "say under which selector the relay signs: --dkim-selector"
    return warning(f"DKIM: {domain}", "not looked for: DNS does not list selectors", todo)


async def _dkim(asked: dns.asyncresolver.Resolver, domain: str, selector: str) -> Finding:
    check = f"DKIM: {selector}._domainkey.{domain}"
    try:
        texts = await _texts(asked, f"{selector}._domainkey.{domain}")
    except _NoDomainError:
        texts = []
    # RFC 6376, 3.6.1: `v` may be left out, `p` may not
    keys = [tags for tags in map(_tags, texts) if "p" in tags and tags.get("v", "DKIM1") == "DKIM1"]
    if not keys:
        return fault(
            check, "no key: signatures under it are not believed", "see the selector, and the relay's own help"
        )
    if not any(tags["p"] for tags in keys):
        return fault(check, "the key was revoked (empty p=)", "publish the key that the relay signs with")
    return ok(check, f"a key ({keys[0].get('k', 'rsa')})")


async def _dmarc(asked: dns.asyncresolver.Resolver, domain: str) -> Finding:
    check = f"DMARC: {domain}"
    labels = domain.split(".")
    # its own record, or that of a domain above it, as RFC 7489 (6.6.3) and its successor find it
    for above in (".".join(labels[start:]) for start in range(len(labels) - 1)):
        try:
            texts = await _texts(asked, f"_dmarc.{above}")
        except _NoDomainError:
            continue
        records = [tags for tags in map(_tags, texts) if tags.get("v") == "DMARC1"]
        if len(records) > 1:
            return fault(check, f"{len(records)} records at _dmarc.{above}: receivers ignore them all", "leave one")
        if records:
            policy = records[0].get("p", "none") if above == domain else records[0].get("sp", records[0].get("p", ""))
            where = "" if above == domain else f", from {above}"
            return ok(check, f"p={policy}{where}")
    return warning(check, "no record: large receivers want one of whoever sends much", _ASK_DNS)


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";") if "=" in part)
    return {name.strip(): re.sub(r"\s", "", value) for name, _, value in pairs}


async def _texts(asked: dns.asyncresolver.Resolver, name: str) -> list[str]:
    try:
        answer = await asked.resolve(dns.name.from_text(name), "TXT", lifetime=_LIFETIME_S, search=False)
    except dns.resolver.NXDOMAIN:
        raise _NoDomainError(name) from None
    except dns.resolver.NoAnswer:
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise _SilentError(f"the resolver gave {type(error).__name__} for {name}") from None
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def _silent(domain: str, why: str) -> Finding:
    return warning(f"DNS: {domain}", f"not looked at: {why}", "see this machine's resolver, or name one: --dns-server")
