"""How often strangers may try: per address and per source, over all processes together."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from ups_runtime.errors import TooMany
from ups_runtime.rates import Rate
from ups_schemas.ids import short_hash

# Whoever has an IPv6 network has at least 2^64 addresses (RFC 6177): they are one source.
_NETWORK_BITS = 64

_QUARTER = timedelta(minutes=15)
_HOUR = timedelta(hours=1)


class Rates(Protocol):
    """What keeps them."""

    async def take(self, name: str, rate: Rate) -> timedelta:
        """Take a place: zero, or how long none is to be had."""

    async def give_back(self, name: str, rate: Rate) -> None:
        """Leave a place to others."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may be tried."""

    name: str
    per_address: Rate
    per_source: Rate


SIGN_IN = Limit("sign-in", Rate.of(10, _QUARTER), Rate.of(100, _QUARTER))
REGISTRATION = Limit("registration", Rate.of(5, _HOUR), Rate.of(50, _HOUR))
CONFIRMATION = Limit("confirmation", Rate.of(10, _QUARTER), Rate.of(100, _QUARTER))
RESET = Limit("reset", Rate.of(5, _HOUR), Rate.of(50, _HOUR))


class Limits:
    """Turns away who comes too early. What an address is compared by is never a name: only its hash is."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates

    async def take(self, limit: Limit, subject: str, source: str) -> None:
        """Count a try, by what is tried and by where it comes from.

        Raises:
            TooMany: says for how long to leave it; the same whether or not there is such a subject.
        """
        wait = await self._rates.take(_source(limit, source), limit.per_source)
        wait = wait or await self._rates.take(_subject(limit, subject), limit.per_address)
        if wait:
            raise TooMany("too-many-tries", "That was tried too often. Wait a while, then try again.", wait)

    async def succeeded(self, limit: Limit, subject: str, source: str) -> None:
        """A try that was right is none that counts."""
        await self._rates.give_back(_source(limit, source), limit.per_source)
        await self._rates.give_back(_subject(limit, subject), limit.per_address)


def _subject(limit: Limit, subject: str) -> str:
    return f"{limit.name} address {short_hash(subject).hex()}"


def _source(limit: Limit, source: str) -> str:
    try:
        address = ip_address(source)
    except ValueError:
        return f"{limit.name} source {short_hash(source).hex()}"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return f"{limit.name} source {address.ipv4_mapped}"
        return f"{limit.name} source {int(address) >> _NETWORK_BITS:x}"
    return f"{limit.name} source {address}"
