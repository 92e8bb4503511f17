"""Where somebody was before they signed in."""

import re
from urllib.parse import quote, urlencode

HOME = "/devices"
SIGN_IN = "/sign-in"
MAX_WAY = 2000

# One slash and no backslash, which browsers take for one: a second would begin the name of another host. No control
# character, which they drop before they look, and nothing that no address of ours has.
_OWN = re.compile(r"/(?![/\\])[A-Za-z0-9_.~%!$&'()*+,;=:@/?-]*")


def own_path(text: str) -> str:
    """`text` if it is a path below ours, with its query; the first page otherwise."""
    return text if len(text) <= MAX_WAY and _OWN.fullmatch(text) and "//" not in text.partition("?")[0] else HOME


def sign_in_path(back_to: str) -> str:
    """The address of the sign-in page that leads back there."""
    return SIGN_IN if back_to == HOME else f"{SIGN_IN}?{urlencode({'next': back_to}, quote_via=quote)}"
