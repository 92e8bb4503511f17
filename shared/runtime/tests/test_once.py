from pydantic import BaseModel

from ups_runtime.once import Once


class Order(BaseModel):
    name: str
    size: int = 1


def test_the_same_request_is_known_again_and_another_is_told_from_it() -> None:
    first = Once.of("k1", Order(name="x"))

    assert first == Once.of("k1", Order(name="x", size=1))
    assert first != Once.of("k1", Order(name="y"))


def test_without_a_key_a_request_cannot_be_known_again() -> None:
    assert Once.of(None, Order(name="x")) is None
