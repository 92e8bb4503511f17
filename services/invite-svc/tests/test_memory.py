import pytest

from ups_invite.adapters import memory_invitations, memory_sign_in
from ups_invite.adapters.memory import MemoryBook, MemoryPeople
from ups_invite.adapters.memory_invitations import MemoryInvitations
from ups_invite.adapters.memory_sign_in import MemoryAudit, MemoryRegistrations, MemoryResets, MemorySessions
from ups_invite.testing.contract import PeopleContract, Stores
from ups_invite.testing.invitation_contract import InvitationContract, InvitationStores
from ups_invite.testing.sign_in_contract import SignInContract, SignInStores


@pytest.fixture
def stores() -> Stores:
    book = MemoryBook()
    return Stores(book, MemoryPeople(book))


@pytest.fixture
def invitations() -> InvitationStores:
    book = MemoryBook(memory_invitations.WRITERS)
    return InvitationStores(book, MemoryInvitations(book))


class TestMemoryPeople(PeopleContract):
    pass


class TestMemorySignIn(SignInContract):
    @pytest.fixture
    def sign_in(self) -> SignInStores:
        book = MemoryBook(memory_sign_in.WRITERS)
        return SignInStores(
            book,
            MemoryPeople(book),
            MemoryRegistrations(book),
            MemorySessions(book),
            MemoryResets(book),
            MemoryAudit(book),
        )


class TestMemoryInvitations(InvitationContract):
    pass
