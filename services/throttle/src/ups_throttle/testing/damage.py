"""Records that came to harm on their way, for readers that must not take them for something else."""

from hypothesis import strategies as st

# what a byte or a few may turn into
_PIECES = (
    *(b"", b" ", b'"', b",", b"0", b"-", b"9", b"e", b"."),
    *(b"null", b"true", b"{}", b"Z", b"\xff", b"\\n", b"\\u0041"),
)


@st.composite
def damaged(draw: st.DrawFn, value: bytes) -> bytes:
    """The value with up to three of its bytes replaced."""
    first = draw(st.integers(0, len(value)))
    last = draw(st.integers(first, min(len(value), first + 3)))
    return value[:first] + draw(st.sampled_from(_PIECES)) + value[last:]


def changed(value: bytes, old: str, new: str) -> bytes:
    """The value with `new` in the place of `old`, which must be there."""
    assert old.encode() in value
    return value.replace(old.encode(), new.encode())
