"""The words of `ups_schemas.fate` against what the notifier says."""

import pytest

from ups_notifier.domain.delivery import Reason, State
from ups_schemas.fate import _ASIDES, _DROPPED, _STATES, fate
from ups_schemas.mail import DeliveryState


@pytest.mark.parametrize("state", [*State, *DeliveryState])
def test_every_state_of_a_mail_has_words(state: str) -> None:
    assert state.value in _STATES


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words_where_it_says_something(reason: Reason) -> None:
    assert reason.value in (_DROPPED.keys() | _ASIDES.keys())
    assert "_" not in fate("dropped" if reason.value in _DROPPED else "failed", reason.value, 550)


def test_a_state_of_a_later_release_is_said_as_it_is() -> None:
    assert fate("of_a_later_version", "new") == "of_a_later_version"
    assert fate("dropped", "new") == "not sent: new"
