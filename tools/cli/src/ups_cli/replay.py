"""`ups throttle replay`: what was decided, decided again."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated

import typer

from ups_cli.errors import CliError, ExitCode
from ups_cli.history.device import DeviceHistory, read_device
from ups_cli.history.gather import Bounds
from ups_cli.history.retelling import Difference, retell
from ups_cli.history.spool import Spool
from ups_cli.history.tellers import DomainTeller
from ups_cli.history.walk import OnProgress, walk
from ups_cli.output import AsJson, Json, say, say_json, say_table
from ups_cli.settings import kafka_target

_SHOWN = 50


@dataclass
class Replayed:
    """How a replay went."""

    devices: int = 0
    same: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    differences: list[tuple[str, Difference]] = field(default_factory=list)

    def as_json(self) -> Json:
        """All of it for programs."""
        return {
            "devices": self.devices,
            "same": self.same,
            "left_out": dict(self.left_out),
            "differences": [
                {
                    "device_id": device_id,
                    "device_seq": one.expected.device_seq,
                    "detail": str(one),
                    "decided": one.expected.model_dump(mode="json"),
                    "replayed": None if one.told is None else one.told.model_dump(mode="json"),
                }
                for device_id, one in self.differences
            ],
        }


def replay(
    device: Annotated[
        str | None, typer.Argument(metavar="[DEVICE]", help="Only this device.", show_default=False)
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Decide again what was decided, by this release's code, and compare. Writes nothing; exit 1 if something differs.

    Events, orders and timers come at their place, judged by what each decision says it was judged by. Only devices
    whose decisions are kept from the first one on can be replayed, and whose versions are; others are left out.
    """
    replayed = Replayed()

    def each(bounds: Bounds, spool: Spool, on_progress: OnProgress) -> None:
        for count, (key, records) in enumerate(spool.devices(), start=1):
            _replay_one(read_device(key, records), bounds, replayed)
            on_progress("devices replayed", count)

    walk(kafka_target(), each, device_id=device)
    if device is not None and not replayed.devices and not replayed.left_out:
        raise CliError(
            ExitCode.NO, f"No decisions are kept of a device {device}.", {"what to do": "ups device list shows the ids"}
        )
    if as_json:
        say_json(replayed.as_json())
    else:
        if replayed.differences:
            say_table(
                ("device", "seq", "what differs first"),
                ((name, one.expected.device_seq, one) for name, one in replayed.differences[:_SHOWN]),
            )
        say(f"{replayed.same} decisions of {replayed.devices} devices came out the same.")
        for reason, count in replayed.left_out.items():
            say(f"{count} devices left out: {reason}.")
        say(f"{len(replayed.differences)} devices differ." if replayed.differences else "No differences.")
    if replayed.differences:
        raise typer.Exit(ExitCode.NO)


def _replay_one(history: DeviceHistory, bounds: Bounds, replayed: Replayed) -> None:
    if not history.decisions:
        return
    if history.decisions[0].device_seq != 1:
        replayed.left_out["their first decisions are no longer kept"] += 1
        return
    if history.versions_missing():
        replayed.left_out["a version of the device that they were judged by is no longer kept"] += 1
        return
    told = retell(history, history.heard_from_the_first(bounds.dead), DomainTeller)
    replayed.devices += 1
    replayed.same += told.same
    if told.difference is not None:
        replayed.differences.append((history.device_id, told.difference))
