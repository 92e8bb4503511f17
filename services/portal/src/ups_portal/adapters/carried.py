"""What somebody had entered when their session ended, kept in the sign-in form until they are signed in again."""

import json

from ups_portal.adapters.forms import Fields
from ups_portal.adapters.seal import Purpose, Seal
from ups_portal.domain.resumed import Entered, entered

TOKEN = "token"  # noqa: S105 - the name of the field


def what_was_entered(path: str, fields: Fields) -> Entered:
    """The fields of a form that goes to `path`, without its token."""
    return entered(path, tuple(pair for pair in fields.pairs if pair[0] != TOKEN))


class Carrier:
    """Seals what was entered, and opens it."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._seal = Seal(keys, Purpose.CARRIED)

    def pack(self, path: str, fields: Fields) -> str:
        """What was entered where; passwords are asked for again."""
        kept = what_was_entered(path, fields)
        return self._seal.seal(json.dumps([kept.path, kept.fields, kept.asked_again], ensure_ascii=False).encode())

    def unpack(self, sealed: str) -> Entered | None:
        """It again; none where we did not seal it."""
        content = self._seal.open(sealed) if sealed else None
        if content is None:
            return None
        path, fields, asked_again = json.loads(content)
        return Entered(path, tuple((name, value) for name, value in fields), tuple(asked_again))
