import pytest

from ups_invite.handlers.limits import RESET, Limits
from ups_runtime.errors import TooMany
from ups_runtime.testing import FakeClock
from ups_runtime.testing.rates import MemoryRates


async def used_up(source: str) -> Limits:
    limits = Limits(MemoryRates(FakeClock()))
    for number in range(50):
        await limits.take(RESET, f"u{number}@acme.example", source)
    return limits


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7", "::ffff:203.0.113.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("fe80::1%eth0", "fe80::2%eth0"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
async def test_one_source_is_one_by_whatever_address_it_comes(first: str, second: str) -> None:
    limits = await used_up(first)

    with pytest.raises(TooMany):
        await limits.take(RESET, "eve@acme.example", second)


@pytest.mark.parametrize(
    ("first", "second"),
    [("203.0.113.7", "203.0.113.8"), ("2001:db8:1:2::1", "2001:db8:1:3::1"), ("203.0.113.7", "2001:db8::")],
)
async def test_another_source_is_another(first: str, second: str) -> None:
    limits = await used_up(first)

    await limits.take(RESET, "eve@acme.example", second)
