import pytest

from ups_invite.adapters.memory import MemoryBook, MemoryPeople
from ups_invite.testing.contract import PeopleContract, Stores


@pytest.fixture
def stores() -> Stores:
    book = MemoryBook()
    return Stores(book, MemoryPeople(book))


class TestMemoryPeople(PeopleContract):
    pass
