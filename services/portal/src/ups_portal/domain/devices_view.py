"""The company's UPSes, as a list."""

from collections.abc import Sequence
from dataclasses import dataclass

from ups_portal.domain.text import Text


@dataclass(frozen=True, slots=True)
class OwnDevice:
    """A UPS of the company: names from outside, made harmless."""

    device_id: str
    name: str
    model: str
    site: str


@dataclass(frozen=True, slots=True)
class DevicesView:
    """All of them, by site and name; none: they cannot be shown just now."""

    title: Text
    devices: tuple[OwnDevice, ...] | None


def devices_view(devices: Sequence[OwnDevice] | None) -> DevicesView:
    """The page."""
    ordered = None if devices is None else tuple(sorted(devices, key=lambda each: (each.site, each.name)))
    return DevicesView(Text("Devices"), ordered)
