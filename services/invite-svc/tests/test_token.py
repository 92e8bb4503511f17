import os

from ups_invite.domain.token import minted, sha256_of


def test_a_token_has_256_random_bits_and_only_its_hash_is_shown() -> None:
    token = minted(os.urandom)

    assert len(token.text) == 43
    assert token.text not in repr(token)
    assert token.sha256 == sha256_of(token.text) != sha256_of(token.text + "x")
    assert minted(os.urandom) != token


def test_it_is_made_of_the_bytes_that_are_given() -> None:
    assert minted(bytes).text == "A" * 43
