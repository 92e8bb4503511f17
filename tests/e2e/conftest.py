"""One installation for all stories: every service as a child process, on the stack of the session."""

import base64
import secrets
import uuid

import pytest

from ups_devstack.fleet import Operator
from ups_devstack.founding import Founding, Person
from ups_devstack.services import Installation, Services
from ups_devstack.testing.reader import Reader
from ups_portal.testing.browser import browser
from ups_runtime.testing import eventually
from ups_schemas.topics import Service


@pytest.fixture(scope="session")
def nut_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("nut") / "nut.toml"
    path.write_text("[devices]\n")
    return path


@pytest.fixture(scope="session")
def purchase_secret():
    """What a shop signs its messages with."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


@pytest.fixture(scope="session")
def services(stack, tmp_path_factory, nut_file, purchase_secret):
    # a killed member holds its partitions until the session time-out: short, so that stories that kill are short
    environ = {
        "UPS_KAFKA_SESSION_TIMEOUT_S": "6",
        "UPS_INGEST_NUT_FILE": str(nut_file),
        "UPS_INGEST_NUT_POLL_S": "0.5",
        "UPS_DEVICE_PURCHASE_SECRETS": purchase_secret,
    }
    installation = Installation(prefix=f"e2e{uuid.uuid4().hex[:8]}", environ=environ)
    running = Services(stack, installation, tmp_path_factory.mktemp("services"), stack.log_dir)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
async def operator(services):
    # invite-svc counts registrations by source: a story has one of its own
    source = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
    async with Operator(services, source) as operator:
        yield operator


@pytest.fixture
def address():
    """An address that no other story has: the inbox is shared."""

    def make(name: str) -> str:
        return f"{name}.{uuid.uuid4().hex[:8]}@story.example"

    return make


@pytest.fixture
def join(operator, address):
    """Somebody new with a mailbox: the founder of a company, or a colleague of whom one names."""

    async def make(name: str, colleague: Reader | None = None) -> Reader:
        company_id = colleague.company_id if colleague else None
        return Reader(await operator.add_user(address(name.lower()), name, company_id), operator.beside())

    return make


@pytest.fixture
async def company(operator, address):
    """Ada, who has founded a company, and Ben, whom she has invited, both with passwords."""
    ada = Person("Ada Adler", address("ada"), "Europe/Berlin", operator.beside())
    ben = Person("Ben Brook", address("ben"), "America/New_York", operator.beside())
    founding = Founding(lambda _person, _what: None, mail_within_s=90)
    await founding.found(ada, "Acme")
    await founding.invite(ada, ben)
    return ada, ben


@pytest.fixture
async def chromium():
    async with browser() as running:
        yield running


@pytest.fixture
def portal(services):
    return services[Service.PORTAL].url


@pytest.fixture
def mails(stack):
    async def come(address: str, words: str, count: int = 1):
        """Those to this address with these words in the subject, the oldest first, once so many have come."""

        async def there():
            found = [each for each in await stack.inbox.mails(to=address) if words in each.subject]
            return found if len(found) >= count else None

        return await eventually(there, within_s=90, every_s=0.1)

    return come
