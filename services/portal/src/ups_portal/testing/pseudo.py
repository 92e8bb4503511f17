"""A language that nobody speaks: a text that is hard-wired shows, and so does a page that longer words break."""

import re
from gettext import NullTranslations

_STRANGE = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "ÂƁĈĎÊƑĜĤÎĴĶĹḾŃÔƤɊŔŜŢÛṼŴẊÝŽâƀĉďêƒĝĥîĵķĺḿńôƥɋŕŝţûṽŵẋýž"
)
_MANY = 3


class Pseudo(NullTranslations):
    """Every letter strange, every text longer by half, and numbers with three forms; places stay."""

    def gettext(self, message: str) -> str:
        """The text in it."""
        parts = re.split(r"(\{\w+\})", message)
        strange = "".join(part if part.startswith("{") else part.translate(_STRANGE) for part in parts)
        own = sum(len(part) for part in parts if not part.startswith("{"))
        return f"⟦{strange}{'·' * (own // 2)}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The text in it, in a third form from three on."""
        return self.gettext(msgid1 if n == 1 else msgid2) + ("" if n < _MANY else "✻")
