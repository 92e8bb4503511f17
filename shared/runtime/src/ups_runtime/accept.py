"""What media type a caller would rather have, by the Accept header (RFC 9110 section 12.5.1)."""


def prefers(accept: str, wanted: str, default: str) -> bool:
    """Whether the header asks for `wanted` more than for `default`; without one, or undecided, it does not."""
    return _quality(accept, wanted) > _quality(accept, default)


def _quality(accept: str, media_type: str) -> float:
    """The weight of the range that says most about the type; 0 where none is about it."""
    ranges = {media_type: 3, f"{media_type.split('/', maxsplit=1)[0]}/*": 2, "*/*": 1}
    found = [(ranges[name], weight) for name, weight in map(_weighted, accept.split(",")) if name in ranges]
    return max(found)[1] if found else 0


def _weighted(text: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    weights = [value.strip() for key, _, value in (each.partition("=") for each in parameters) if key.strip() == "q"]
    try:
        weight = float(weights[0]) if weights else 1.0
    except ValueError:
        return name, 0
    return name, weight if 0 <= weight <= 1 else 0
