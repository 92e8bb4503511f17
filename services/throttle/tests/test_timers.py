from hypothesis import given
from hypothesis import strategies as st

from ups_throttle.domain.timers import Timers


def test_the_earliest_comes_first_and_equals_by_key():
    timers = Timers()
    for key, due_ms in (("c", 30), ("b", 10), ("a", 10)):
        timers.replace(key, due_ms)

    assert timers.peek() == 10
    assert timers.pop_due(30, 10) == ["a", "b", "c"]
    assert timers.peek() is None


def test_what_is_not_due_stays():
    timers = Timers()
    timers.replace("a", 10)

    assert timers.pop_due(9, 10) == []
    assert timers.pop_due(10, 10) == ["a"]
    assert timers.pop_due(10, 10) == []


def test_no_more_are_taken_than_asked_for():
    timers = Timers()
    for key in "abc":
        timers.replace(key, 1)

    assert timers.pop_due(1, 2) == ["a", "b"]
    assert len(timers) == 1


def test_a_key_has_one_due_time():
    timers = Timers()
    timers.replace("a", 10)
    timers.replace("a", 20)
    timers.replace("a", 20)

    assert timers.peek() == 20
    assert timers.pop_due(15, 10) == []
    assert timers.pop_due(20, 10) == ["a"]


def test_a_removed_key_is_not_due():
    timers = Timers()
    timers.replace("a", 10)
    timers.remove("a")
    timers.remove("unknown")

    assert timers.peek() is None


def test_replacing_a_key_for_ever_takes_no_more_memory():
    timers = Timers()

    for due_ms in range(10_000):
        timers.replace("a", due_ms)

    assert len(timers._heap) < 100
    assert timers.pop_due(9_999, 10) == ["a"]


_keys = st.sampled_from("abcd")
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("replace"), _keys, st.integers(0, 20)),
        st.tuples(st.just("remove"), _keys, st.just(0)),
        st.tuples(st.just("pop"), _keys, st.integers(0, 20)),
    )
)


@given(_steps)
def test_it_behaves_like_a_sorted_dictionary(steps):
    timers, model = Timers(), {}
    for what, key, number in steps:
        if what == "replace":
            timers.replace(key, number)
            model[key] = number
        elif what == "remove":
            timers.remove(key)
            model.pop(key, None)
        else:
            expected = sorted((due_ms, key) for key, due_ms in model.items() if due_ms <= number)[:2]
            assert timers.pop_due(number, 2) == [due_key for _, due_key in expected]
            for _, due_key in expected:
                del model[due_key]
        assert timers.peek() == min(model.values(), default=None)
        assert len(timers) == len(model)
