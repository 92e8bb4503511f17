r"""What our own services' spelling has in common, for readers that are quicker than the models.

`\Z` where the models have `$`: in Python `$` also matches before a last line break.
"""

import re
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from ups_schemas.catalogue import Severity

Id = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:@/+=~-]+\Z")]
Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Z][A-Z0-9_]*\Z")]

RANK = {severity.value: severity.rank for severity in Severity}

_IN_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def moment(text: str) -> datetime:
    """The moment in UTC with milliseconds.

    Raises:
        ValueError: it is spelt in another way, or there is no such moment.
    """
    if not _IN_UTC.fullmatch(text):
        raise ValueError("not in the usual spelling")
    return datetime.fromisoformat(text)
