"""How the demo's people come in, and what is said when one of them cannot."""

import httpx
import pytest

from ups_devstack.fleet import Caller
from ups_devstack.founding import Founding, FoundingError, Person, whether_they_came_in
from ups_schemas.topics import Service


@pytest.fixture
def person(operator, address):
    def make(name: str, **known) -> Person:
        return Person(name, **{"address": address(name.lower()), "zone": "UTC", "caller": operator.beside(), **known})

    return make


@pytest.fixture
def founding():
    # the mails that these tests look for in vain never come, however long one waits
    return Founding(lambda _person, _what: None, mail_within_s=1)


async def test_a_refused_step_is_named_with_its_reason_and_the_log_to_read(person, founding, services) -> None:
    with pytest.raises(FoundingError) as raised:
        await founding.found(person("Ada", address="ada at home"), "Acme")

    said = str(raised.value)
    assert said.startswith("Ada's registration failed: POST /v1/registrations: 422 That is not a valid e-mail address.")
    assert str(services[Service.INVITE_SVC].log_path) in said


async def test_a_service_that_does_not_answer_is_named(person, founding, services, tmp_path) -> None:
    nowhere = httpx.AsyncHTTPTransport(uds=str(tmp_path / "nobody-listens"))
    async with httpx.AsyncClient(transport=nowhere) as client:
        with pytest.raises(FoundingError, match=r"Ada's registration failed: .+ Start again"):
            await founding.found(person("Ada", caller=Caller(services, client)), "Acme")


async def test_a_mail_that_does_not_come_is_said_with_what_may_be_the_reason(
    person, founding, operator, services
) -> None:
    ada = person("Ada")
    await operator.add_user(ada.address, "Ada")

    with pytest.raises(FoundingError) as raised:
        await founding.found(ada, "Acme")

    said = str(raised.value)
    assert said.startswith(f"No mail with the link /l/verify/… came to {ada.address} within 1 s.")
    assert "has an account already: start with fresh data" in said
    assert str(services[Service.NOTIFIER].log_path) in said


async def test_who_is_not_invited_is_not_said_to_have_come_in(person, founding) -> None:
    ada = person("Ada")
    await Founding(lambda _person, _what: None).found(ada, "Acme")

    with pytest.raises(FoundingError, match=r"Ada's invitation of a co-worker failed: .* 409"):
        await founding.invite(ada, ada)

    assert [good for _, good in await whether_they_came_in(ada, person("Ben"))] == [True, False, False]
