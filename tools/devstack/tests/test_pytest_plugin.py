import pytest

from ups_devstack.stack import Backing


def test_a_test_that_uses_the_stack_is_marked(stack: Backing, request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("stack")


def test_a_test_that_only_wants_a_prefix_is_not(prefix: str, request: pytest.FixtureRequest) -> None:
    assert not request.node.get_closest_marker("stack")
