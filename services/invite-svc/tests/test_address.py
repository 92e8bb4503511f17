import pytest

from ups_invite.domain.address import EmailAddress, parse


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Anna@Acme.Example", EmailAddress("Anna@acme.example", "anna@acme.example")),
        ("  anna@acme.example\n", EmailAddress("anna@acme.example", "anna@acme.example")),
        ("anna@bücher.example", EmailAddress("anna@xn--bcher-kva.example", "anna@xn--bcher-kva.example")),
        ("anna@XN--BCHER-KVA.example", EmailAddress("anna@xn--bcher-kva.example", "anna@xn--bcher-kva.example")),
        ("anna+ups@acme.example", EmailAddress("anna+ups@acme.example", "anna+ups@acme.example")),
    ],
)
def test_an_address_is_taken_as_mail_servers_take_it_and_compared_as_people_do(
    typed: str, expected: EmailAddress
) -> None:
    assert parse(typed) == expected


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "anna",
        "anna@",
        "@acme.example",
        "anna@acme",
        "anna@localhost",
        "anna@acme..example",
        "anna@[127.0.0.1]",
        "anna@acme.example\r\nBcc: eve@acme.example",
        "anna\r\n@acme.example",
        "anna@acme.example, eve@acme.example",
        "Anna <anna@acme.example>",
        "änna@acme.example",
        "a" * 65 + "@acme.example",
        "anna@" + "a" * 250 + ".example",
        "anna@" + ".".join(["a" * 60] * 4) + ".example",
    ],
)
def test_what_can_be_no_address_is_none(typed: str) -> None:
    assert parse(typed) is None
