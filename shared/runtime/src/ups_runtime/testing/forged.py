"""Records on a real broker that no client library would write."""

import struct
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c


def forge(client: AIOKafkaProducer) -> None:
    """Make `client` write what its library does not let.

    A header named HOSTILE gets a name that is not UTF-8; a batch with the header ZSTD is compressed by zstd (stored, as
    RFC 8878 section 3.1.1.2.2 has it).
    """
    send = client.client.send

    async def forged_send(node: int, request: Any, **options: Any) -> Any:
        if isinstance(request, ProduceRequest):
            request._topics = [  # noqa: SLF001 - what is written anew is there only
                (topic, [(number, forged(batch)) for number, batch in batches])
                for topic, batches in request._topics  # noqa: SLF001
            ]
        return await send(node, request, **options)

    def forged(batch: Any) -> bytes:
        raw = bytearray(batch.getvalue() if hasattr(batch, "getvalue") else batch)
        if (place := raw.find(b"HOSTILE")) > 0:
            raw[place] = 0xFF
        if b"ZSTD" in raw:
            records = bytes(raw[61:])
            frame = b"\x28\xb5\x2f\xfd\x20" + bytes([len(records)]) + (len(records) << 3 | 1).to_bytes(3, "little")
            raw[61:] = frame + records
            raw[8:12] = struct.pack(">i", len(raw) - 12)
            raw[22] |= 4
        raw[17:21] = struct.pack(">I", calc_crc32c(bytes(raw[21:])))  # as KIP-98 lays a batch out
        return bytes(raw)

    client.client.send = forged_send
