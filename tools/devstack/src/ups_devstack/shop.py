"""A shop that sells plans: it tells device-svc what was paid for, signed as Standard Webhooks 1.0 has it."""

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid

import httpx

_PREFIX = "whsec_"


def new_secret() -> str:
    """A secret for a shop and device-svc to share."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


async def sell(url: str, secret: str, device_id: str, *, plan: str = "advanced", days: int = 365) -> None:
    """Tell the device-svc at this address that a plan for the device was paid for, from now.

    Raises:
        httpx.HTTPStatusError: it did not take it.
    """
    data = {"purchase_id": f"order-{uuid.uuid4()}", "device_id": device_id, "plan": plan, "days": days}
    body = json.dumps({"type": "purchase.completed", "data": data}).encode()
    message_id, timestamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    signature = hmac.digest(base64.b64decode(secret.removeprefix(_PREFIX)), signed, hashlib.sha256)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
    # trust_env: a proxy of the environment knows nothing of local ports
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        answer = await client.post(f"{url}/v1/webhooks/purchases", content=body, headers=headers)
        answer.raise_for_status()
