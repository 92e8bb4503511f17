import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_runtime.return_path import MAX_PREFIX, ForgedReturnPathError, ReturnPaths

OLD, NEW = "o" * 32, "n" * 32
BASE = "bounces@ridethrough.example.com"
DELIVERY, ADDRESS = "3e2f4a66-9f1c-5c5e-8f7b-1d2c3b4a5966", "alex@example.com"

paths = ReturnPaths((NEW,), BASE)
minted = paths.mint(DELIVERY, ADDRESS)


@given(st.uuids().map(str), st.text(max_size=80), st.integers(0, 2**64 - 1))
def test_what_is_minted_is_what_verify_gives_in_whatever_case(delivery_id, address, cases):
    path = paths.mint(delivery_id, address)
    shouted = "".join(each.upper() if cases >> at & 1 else each for at, each in enumerate(path))

    for form in (path, path.upper(), shouted, f"<{path}>", path.partition("@")[0]):
        returned = paths.verify(form)
        assert returned.delivery_id == delivery_id
        assert returned.was_for(address)


@given(st.uuids().map(str), st.emails(), st.integers(1, MAX_PREFIX))
def test_a_local_part_is_at_most_64_octets_of_plain_ascii(delivery_id, address, length):
    path = ReturnPaths((NEW,), f"{'b' * length}@example.com").mint(delivery_id, address)

    local, _, domain = path.rpartition("@")
    assert len(local) <= 64
    assert local.isascii()
    assert set(local) <= set("abcdefghijklmnopqrstuvwxyz0123456789+")
    assert domain == "example.com"


def test_the_longest_prefix_fills_it():
    assert len(ReturnPaths((NEW,), "b" * MAX_PREFIX + "@x.example").mint(DELIVERY, ADDRESS).partition("@")[0]) == 64


def test_a_path_of_the_old_key_survives_rotation():
    old = ReturnPaths((OLD,), BASE).mint(DELIVERY, ADDRESS)

    returned = ReturnPaths((NEW, OLD), BASE).verify(old)

    assert returned.delivery_id == DELIVERY
    assert returned.was_for(ADDRESS)
    with pytest.raises(ForgedReturnPathError):
        paths.verify(old)


def test_the_newest_key_signs():
    assert paths.verify(ReturnPaths((NEW, OLD), BASE).mint(DELIVERY, ADDRESS)).delivery_id == DELIVERY


def test_a_path_knows_the_address_that_it_was_for():
    returned = paths.verify(minted)

    assert returned.was_for("Alex@Example.com")
    assert not returned.was_for("alex@example.org")


@given(st.integers(0, 47), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_letter_is_a_forgery(at, letter):
    local, _, domain = minted.rpartition("@")
    prefix, _, token = local.rpartition("+")
    changed = token[:at] + letter + token[at + 1 :]

    if changed != token:
        with pytest.raises(ForgedReturnPathError):
            paths.verify(f"{prefix}+{changed}@{domain}")


@given(st.text(max_size=400) | st.from_regex(r"bounces\+[a-z2-7]{48}@example\.com", fullmatch=True))
def test_any_other_text_is_a_forgery(text):
    with pytest.raises(ForgedReturnPathError):
        paths.verify(text)


def test_an_address_does_not_show():
    assert "alex" not in minted
    assert paths.mint(DELIVERY, ADDRESS) != paths.mint(DELIVERY, "sam@example.com")
