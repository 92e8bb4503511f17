"""All pages in the portal's frame. A page's routes are in a module of their own, and it has one line here."""

from collections.abc import Sequence

from ups_portal.adapters.account_routes import account_pages
from ups_portal.adapters.carried import Carrier
from ups_portal.adapters.company_routes import company_pages
from ups_portal.adapters.days_routes import days_pages
from ups_portal.adapters.device_forms_routes import device_forms_pages
from ups_portal.adapters.device_passing_routes import device_passing_pages
from ups_portal.adapters.device_routes import device_pages
from ups_portal.adapters.devices_routes import devices_pages
from ups_portal.adapters.entrance_client import EntranceClient
from ups_portal.adapters.entrance_routes import entrance_pages
from ups_portal.adapters.gate import Gate, Parts
from ups_portal.adapters.help_routes import help_pages
from ups_portal.adapters.invite_routes import invite_pages
from ups_portal.adapters.live_routes import live_pages
from ups_portal.adapters.log_routes import log_pages
from ups_portal.adapters.notification_settings_routes import notification_settings_pages
from ups_portal.adapters.notifications_routes import notifications_pages
from ups_portal.adapters.sign_in_routes import sign_in_pages
from ups_portal.adapters.timeline_routes import timeline_pages
from ups_portal.adapters.visit import FramedPage, GuestPage
from ups_portal.handlers.sessions import SigningIn


def gate(parts: Parts) -> Gate:
    """The gate to all pages."""
    return Gate(parts, all_pages(parts))


def all_pages(parts: Parts) -> Sequence[FramedPage | GuestPage]:
    """All pages."""
    signing_in = SigningIn(parts.sessions, parts.new_mark)
    return (
        *account_pages(signing_in, parts.now),
        *company_pages(),
        *days_pages(parts.now),
        *device_forms_pages(parts.events_url),
        *device_passing_pages(),
        *device_pages(parts.now, parts.sleep),
        *devices_pages(parts.now),
        *entrance_pages(EntranceClient(parts.invite_svc)),
        *live_pages(parts.stopping),
        *log_pages(parts.now),
        *invite_pages(parts.new_mark),
        *help_pages(),
        *notification_settings_pages(),
        *notifications_pages(),
        *sign_in_pages(signing_in, Carrier(parts.keys), parts.new_mark),
        *timeline_pages(parts.now),
    )
