import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_runtime.links import CLAIMS, ForgedLinkError, LinkKind, Links, LinkSettings
from ups_runtime.settings import SettingsError, load

OLD, NEW = "o" * 32, "n" * 32
BASE = "https://ridethrough.example.com"

claims = st.none() | st.integers(0, 2**63) | st.uuids().map(str) | st.text(max_size=60)


def token_of(url: str) -> str:
    return url.rsplit("/", 1)[1]


@given(
    st.sampled_from(LinkKind).flatmap(lambda kind: st.tuples(st.just(kind), st.tuples(*[claims] * len(CLAIMS[kind]))))
)
def test_what_is_minted_is_what_verify_gives(case):
    kind, values = case
    given_claims = dict(zip(CLAIMS[kind], values, strict=True))
    links = Links((NEW,), BASE)

    assert links.verify(kind, token_of(links.mint(kind, **given_claims))) == given_claims


@pytest.mark.parametrize("kind", LinkKind)
def test_a_link_survives_every_rotation_until_its_key_is_dropped(kind):
    url = Links((OLD,), BASE).mint(kind, user="u1")

    assert Links((NEW, OLD), BASE).verify(kind, token_of(url))["user"] == "u1"
    assert Links(("t" * 32, NEW, OLD), BASE).verify(kind, token_of(url))["user"] == "u1"
    with pytest.raises(ForgedLinkError):
        Links((NEW,), BASE).verify(kind, token_of(url))


def test_links_minted_before_this_release_are_still_good():
    # minted on 2026-11-22; links never expire, so what stands in mailboxes must be read for ever
    claims = Links((OLD,), BASE).verify(
        LinkKind.UNSUBSCRIBE, "cwRhbm5hcwRhY21ldW8PXpw8C10emlUtjTodexBpATE.rvlfWHFJsz-qL7pQf-KZdJe4Hp9QLEuoCONvWBoqCz8"
    )

    assert claims == {
        "user": "anna",
        "company": "acme",
        "device": "6f0f5e9c-3c0b-5d1e-9a55-2d8d3a1d7b10",
        "ownership": 1,
    }


def test_the_newest_key_signs():
    url = Links((NEW, OLD), BASE).mint(LinkKind.WHY, user="u1")

    assert Links((NEW,), BASE).verify(LinkKind.WHY, token_of(url))["user"] == "u1"


@pytest.mark.parametrize("token", ["", ".", "a.b", "ü", "n" * 5000, "AAAA.AAAA"])
def test_a_forged_token_is_refused(token):
    with pytest.raises(ForgedLinkError):
        Links((NEW,), BASE).verify(LinkKind.ENABLE, token)


def test_a_token_of_one_kind_is_none_of_another():
    url = Links((NEW,), BASE).mint(LinkKind.WHY, user="u1")

    with pytest.raises(ForgedLinkError):
        Links((NEW,), BASE).verify(LinkKind.ENABLE, token_of(url))


def test_a_changed_token_is_refused():
    links = Links((NEW,), BASE)
    token = token_of(links.mint(LinkKind.ENABLE, user="u1", device="d1", ownership=1, period="p1"))

    for at, letter in enumerate(token[:-1]):  # the last letter of base64 has bits that mean nothing
        changed = token[:at] + ("A" if letter != "A" else "B") + token[at + 1 :]
        with pytest.raises(ForgedLinkError):
            links.verify(LinkKind.ENABLE, changed)


def test_an_unsubscribe_link_is_short_enough_not_to_be_folded():
    ids = {name: str(uuid.uuid4()) for name in ("user", "company", "device")}

    assert len(Links((NEW,), BASE).mint(LinkKind.UNSUBSCRIBE, **ids, ownership=12)) < 200


def test_an_unknown_claim_is_a_mistake():
    with pytest.raises(ValueError, match="no address"):
        Links((NEW,), BASE).mint(LinkKind.WHY, address="a@b.example")


def test_links_begin_with_the_configured_base():
    links = Links((NEW,), f"{BASE}/ups/")

    assert links.mint(LinkKind.WHY).startswith(f"{BASE}/ups/l/why/")
    assert links.page("/devices/d1") == f"{BASE}/ups/devices/d1"


def test_keys_come_newest_first_from_one_setting():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Settings:
        link: LinkSettings

    assert load(Settings, {"UPS_LINK_KEYS": f"{NEW},\n{OLD}\n"}).link.ring() == (NEW, OLD)
    with pytest.raises(SettingsError, match="UPS_LINK_KEYS") as refused:
        load(Settings, {"UPS_LINK_KEYS": "tooshort"})
    assert "tooshort" not in str(refused.value)
