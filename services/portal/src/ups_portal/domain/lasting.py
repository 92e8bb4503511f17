"""How long something has lasted, in words."""

from datetime import timedelta

from ups_portal.domain.text import Text

_UNITS = (
    (86_400, "1 day", "{number} days"),
    (3_600, "1 hour", "{number} hours"),
    (60, "1 minute", "{number} minutes"),
    (1, "1 second", "{number} seconds"),
)


def lasted(length: timedelta) -> Text:
    """The two largest units: `2 hours 5 minutes`, `45 seconds`."""
    seconds = max(0, round(length.total_seconds()))
    parts: list[Text] = []
    for size, one, many in _UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(Text(one, many, number=number))
        elif parts:
            break
    if not parts:
        return Text("less than a second")
    return parts[0] if len(parts) == 1 else Text("{larger} {smaller}", larger=parts[0], smaller=parts[1])
