"""When a document was changed last: what the stream is fed by.

It is the server's own logical clock: it gives each moment once, never goes back, and is the same for all processes that
write, whatever their clocks say. A write that takes long, as in a transaction, may become visible after a later one.
"""

from typing import Any

from bson import Timestamp

FIELD = "changed_at"

# What a document is inserted or replaced with: the server puts its moment in the place of an empty one.
BY_SERVER = Timestamp(0, 0)

# What an update says beside what it sets.
MOVED: dict[str, Any] = {"$currentDate": {FIELD: {"$type": "timestamp"}}}
