"""A language that nobody speaks: a text that is hard-wired shows, and so does a page that longer words break."""

import re
from gettext import NullTranslations

_STRANGE = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "ÂƁĈĎÊƑĜĤÎĴĶĹḾŃÔƤɊŔŜŢÛṼŴẊÝŽâƀĉďêƒĝĥîĵķĺḿńôƥɋŕŝţûṽŵẋýž"
)


class Pseudo(NullTranslations):
    """Every letter strange, and every text longer by half; places stay."""

    def gettext(self, message: str) -> str:
        """The text in it."""
        strange = "".join(
            part if part.startswith("{") else part.translate(_STRANGE) for part in re.split(r"(\{\w+\})", message)
        )
        return f"⟦{strange}{'·' * (len(message) // 2)}⟧"
