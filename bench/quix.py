"""The bare rule on Quix Streams: more than six in half an hour silence a device for a week. Nothing else.

Runs in an environment of its own, so it shares no code with the rest. Exactly-once, as the throttle.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from quixstreams import Application, State  # type: ignore[import-not-found] # in .venv-bench only

LIMIT = 6
WINDOW_S = 1_800
PERIOD_S = 604_800


def decide(event: dict[str, Any], state: State) -> dict[str, Any]:  # Any: JSON
    """Count the raises of the last half hour."""
    at = datetime.fromisoformat(event["received_at"]).timestamp()
    device = state.get("device") or {"times": [], "until": 0, "seq": 0}
    device["seq"] += 1
    if at < device["until"]:
        outcome = "suppressed"
    elif event["phase"] != "raise":
        outcome = "not_told"
    else:
        times = [one for one in device["times"] if one > at - WINDOW_S]
        outcome = "notify" if len(times) < LIMIT else "disabled"
        device["times"] = [*times, at] if outcome == "notify" else []
        if outcome == "disabled":
            device["until"] = at + PERIOD_S
    state.set("device", device)
    return {
        "device_id": event["device_id"],
        "device_seq": device["seq"],
        "event": event,
        "effective_at": event["received_at"],
        "outcome": outcome,
        "until": device["until"],
    }


def main() -> None:
    """Run until stopped."""
    application = Application(
        broker_address=os.environ["UPS_KAFKA_BOOTSTRAP_SERVERS"],
        consumer_group=os.environ["BENCH_GROUP"],
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=1.0,
        state_dir=Path(os.environ["BENCH_STATE_DIR"]),
        loglevel="WARNING",
    )
    events = application.topic(os.environ["BENCH_INPUT"], key_deserializer="str", value_deserializer="json")
    decisions = application.topic(os.environ["BENCH_OUTPUT"], key_serializer="str", value_serializer="json")
    stream = application.dataframe(events)
    stream = stream.apply(decide, stateful=True)
    stream.to_topic(decisions)
    application.run()


if __name__ == "__main__":
    main()
