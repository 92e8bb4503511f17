"""The service's routes on fakes, for tests of what callers see."""

import os
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from ups_device.adapters import http
from ups_device.adapters.condition_routes import condition_router
from ups_device.adapters.day_count_routes import day_count_router
from ups_device.adapters.device_routes import company_router, device_router
from ups_device.adapters.key_routes import key_router
from ups_device.adapters.link_routes import link_router
from ups_device.adapters.log_csv import LogCsv
from ups_device.adapters.log_routes import log_router
from ups_device.adapters.member_routes import member_router
from ups_device.adapters.memory import MemoryDevices, MemoryLog
from ups_device.adapters.memory_conditions import MemoryConditions
from ups_device.adapters.memory_mails import MemoryMails
from ups_device.adapters.memory_periods import MemoryPeriods
from ups_device.adapters.memory_purchases import MemoryPurchases
from ups_device.adapters.notification_routes import notification_router
from ups_device.adapters.notification_settings_routes import operator_settings_router, own_settings_router
from ups_device.adapters.own_subscription_routes import own_choice_router, preference_router
from ups_device.adapters.ownership_routes import ownership_router
from ups_device.adapters.period_routes import period_router
from ups_device.adapters.plan_routes import plan_router, purchase_webhook
from ups_device.adapters.subscription_routes import subscription_router
from ups_device.adapters.webhook import Webhook
from ups_device.adapters.why_routes import why_router
from ups_device.domain.member import Member
from ups_device.handlers.conditions import Conditions
from ups_device.handlers.devices import Defaults, Registry
from ups_device.handlers.event_log import EventLog
from ups_device.handlers.gateways import Gateways
from ups_device.handlers.link_lookup import LinkLookup
from ups_device.handlers.links import LinkActions
from ups_device.handlers.mails import Mails
from ups_device.handlers.members import Members
from ups_device.handlers.notification_settings import OwnerSettings
from ups_device.handlers.notifications import Notifications
from ups_device.handlers.overviews import Overviews
from ups_device.handlers.ownership import Ownerships
from ups_device.handlers.plans import Plans
from ups_device.handlers.policies import Policies
from ups_device.handlers.readers import Readers
from ups_device.handlers.subscriptions import Subscriptions
from ups_device.handlers.why import Why
from ups_device.testing.examples import NOW
from ups_runtime.access import AccessVerifier, operator_or_signed_in, signed_in
from ups_runtime.errors import Retryable
from ups_runtime.links import LinkVerifier
from ups_runtime.testing import FakeClock
from ups_runtime.testing.signing import Signer
from ups_schemas.catalogue import Severity
from ups_schemas.device import Policy

TOKEN = "an operator's token"  # noqa: S105 - of tests
WEBHOOK_SECRETS = (b"n" * 32, b"o" * 32)
SUPPORT = "support@ups.example"
LINK_KEYS = ("n" * 32, "o" * 32)
DEVICE = {"company_id": "acme", "owner": "anna", "name": "Rack 1"}


class Users:
    """The people that there are."""

    def __init__(self) -> None:
        self.people: dict[str, Member] = {
            "anna": Member("acme", active=True, address="anna@acme.example", name="Anna", zone="Europe/Berlin"),
            "ben": Member("acme", active=True, address="ben@acme.example"),
            "gone": Member("acme", active=False),
            "eve": Member("other", active=True, address="eve@other.example"),
        }
        self.known = True

    async def member(self, user_id: str) -> Member | None:
        """The person."""
        return (await self.members((user_id,))).get(user_id)

    def heard_of(self, user_id: str) -> Member | None:
        """The person."""
        return self.people.get(user_id)

    async def members(self, user_ids: Collection[str]) -> dict[str, Member]:
        """Those of these people that there are."""
        await self.read_to_end()
        return {user_id: self.people[user_id] for user_id in user_ids if user_id in self.people}

    async def read_to_end(self) -> None:
        """What is known is known."""
        if not self.known:
            raise Retryable("not read to the end yet")


class Service:
    """The routes on fakes."""

    def __init__(self, *, plans: bool = True) -> None:
        self.clock = FakeClock(NOW)
        self.users = Users()
        self.signing_keys = Signer(NOW)
        self.devices = MemoryDevices()
        self.periods = MemoryPeriods()
        self.subscriptions = Subscriptions(self.devices, self.devices.people, self.users, now=self.clock.now)
        self.open_conditions = MemoryConditions()
        self.conditions = Conditions(self.open_conditions, self.devices, now=self.clock.now)
        self.rows = MemoryLog()
        mails = Mails(MemoryMails())
        self.log = EventLog(self.rows, self.periods, self.devices, self.conditions, mails)
        now = self.clock.now
        defaults = Defaults(Policy(), timedelta(days=365) if plans else None, Severity.WARNING)
        registry = Registry(self.devices, self.users, self.devices.people, defaults, now=now, random_bytes=os.urandom)
        self.purchases = MemoryPurchases(self.devices)
        sold = Plans(self.devices, self.purchases, defaults.free_period, now=now)
        notifications = Notifications(self.devices, self.periods, now=now)
        actions = LinkActions(self.devices, self.users, self.subscriptions, notifications, now=now)
        lookup = LinkLookup(self.devices, self.users, self.subscriptions, notifications, now=now)
        owner_settings = OwnerSettings(self.devices, now=now)
        members = Members(self.devices, self.users)
        overviews = Overviews(self.rows, self.periods, self.conditions, self.users, now=now)
        ownerships = Ownerships(self.devices, self.devices.people, self.users, Severity.WARNING, now=now)
        readers = Readers(self.users)
        why = Why(self.devices, self.users, self.log, notifications, self.subscriptions, mails, readers, now=now)
        verifier = AccessVerifier(self.signing_keys.key_of, now=now)
        person, caller = signed_in(verifier), operator_or_signed_in(SecretStr(TOKEN), verifier)
        app = http.build(
            SecretStr(TOKEN),
            [
                device_router(registry, self.log, self.subscriptions),
                plan_router(registry, sold),
                subscription_router(self.subscriptions),
                operator_settings_router(registry, owner_settings),
                company_router(
                    Policies(self.devices, Policy(), now=now),
                    Gateways(self.devices, now=now, random_bytes=os.urandom),
                ),
            ],
            [
                purchase_webhook(sold, Webhook(WEBHOOK_SECRETS, "UPS_DEVICE_PURCHASE_SECRETS", now=now)),
                link_router(LinkVerifier(LINK_KEYS), lookup, actions),
                condition_router(self.conditions, members, caller),
                log_router(self.log, self.devices, LogCsv(self.log, self.devices, now=now), members, readers, caller),
                day_count_router(self.log, members, caller),
                why_router(why, members, caller, SUPPORT),
                notification_router(notifications, members, caller),
                period_router(notifications, mails, members, caller),
                member_router(registry, overviews, members, person),
                own_settings_router(registry, owner_settings, members, person),
                own_choice_router(registry, self.subscriptions, members, person),
                preference_router(self.subscriptions, members, person),
                ownership_router(ownerships, members, caller, person),
                key_router(registry, members, person, self.clock),
            ],
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://device", headers={"Authorization": f"Bearer {TOKEN}"}
        )

    def bearer(self, user_id: str) -> dict[str, str]:
        """The headers of somebody who signed in."""
        return {"Authorization": f"Bearer {self.signing_keys.issue(user_id, self.clock.now())}"}

    # Any: what httpx takes
    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer to a request."""
        return await self.client.request(method, path, **options)

    async def register(self, **fields: Any) -> dict[str, Any]:
        """A new device, as the service answers it."""
        answer = await self.call("POST", "/v1/operator/devices", json={**DEVICE, **fields})
        device: dict[str, Any] = answer.raise_for_status().json()
        return device
