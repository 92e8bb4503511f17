import pytest

from ups_invite.adapters.memory import MemoryUsers
from ups_invite.testing.contract import UserStoreContract


@pytest.fixture
def users() -> MemoryUsers:
    return MemoryUsers()


class TestMemoryUsers(UserStoreContract):
    pass
