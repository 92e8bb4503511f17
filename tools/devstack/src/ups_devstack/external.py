"""Kafka, MongoDB and mail that run elsewhere: only their addresses are known, by settings."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ups_devstack import smtp
from ups_devstack.errors import NotControllableError, NotReadyError, UnavailableError
from ups_devstack.inbox import Flavour, Inbox
from ups_devstack.progress import Report

# Each setting and what it means; all are needed but the last.
SETTINGS: Mapping[str, str] = {
    "UPS_KAFKA_BOOTSTRAP_SERVERS": "host:port of the brokers, with commas between",
    "UPS_MONGO_URI": "connection string of a replica set",
    "UPS_SMTP_HOST": "host of a mail server without TLS and login",
    "UPS_SMTP_PORT": "its port",
    "UPS_DEVSTACK_INBOX_URL": "web address of its inbox",
}
INBOX_FLAVOUR = "UPS_DEVSTACK_INBOX_FLAVOUR"  # maildump (the default) or mailpit


class _Elsewhere:
    """A part that is there or is not; starting it means asking whether it answers."""

    def __init__(self, missing: Callable[[], str | None]) -> None:
        self._missing = missing

    @property
    def pid(self) -> int | None:
        """None: no child of ours."""
        return None

    def start(self, report: Report) -> None:
        """Ask once whether it answers."""
        report("asking whether it is there")
        if (missing := self._missing()) is not None:
            raise NotReadyError(f"{type(self).__name__} did not answer: {missing}")

    def stop(self) -> None:
        """Refuse: it is not ours."""
        raise NotControllableError("an external stack's parts cannot be stopped from here")

    def kill(self) -> None:
        """Refuse: it is not ours."""
        raise NotControllableError("an external stack's parts cannot be killed from here")

    def close(self) -> None:
        """Leave it alone."""


class ExternalKafka(_Elsewhere):
    """Brokers elsewhere."""

    def __init__(self, bootstrap: str) -> None:
        from ups_devstack.kafka import missing_for_clients

        self.bootstrap = bootstrap
        host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
        super().__init__(lambda: missing_for_clients(host, int(port)))


class ExternalMongo(_Elsewhere):
    """A replica set elsewhere; it is never configured from here."""

    def __init__(self, uri: str) -> None:
        from ups_devstack.mongo import missing_primary

        self.uri = uri
        super().__init__(lambda: missing_primary(uri))


class ExternalMailbox(_Elsewhere):
    """A mail server and inbox elsewhere."""

    def __init__(self, host: str, smtp_port: int, url: str, flavour: Flavour) -> None:
        self.host = host
        self.smtp_port = smtp_port
        self.inbox = Inbox(url, flavour)
        super().__init__(lambda: smtp.missing_for_clients(host, smtp_port, self.inbox.list_url))


@dataclass(frozen=True)
class External:
    """The three, as the environment names them."""

    kafka: ExternalKafka
    mongo: ExternalMongo
    mailbox: ExternalMailbox


def reason_unavailable() -> str | None:
    """Name every setting that is missing or wrong; None when all are there."""
    wrong = [f"{name} ({meaning}) is not set" for name, meaning in SETTINGS.items() if not os.environ.get(name)]
    if not os.environ.get("UPS_SMTP_PORT", "0").isdecimal():
        wrong.append("UPS_SMTP_PORT is no number")
    first_broker = os.environ.get("UPS_KAFKA_BOOTSTRAP_SERVERS", ":0").split(",")[0]
    if not first_broker.rpartition(":")[2].isdecimal():
        wrong.append("UPS_KAFKA_BOOTSTRAP_SERVERS needs a port with each host")
    if os.environ.get(INBOX_FLAVOUR, "maildump") not in {"maildump", "mailpit"}:
        wrong.append(f"{INBOX_FLAVOUR} is neither maildump nor mailpit")
    return "; ".join(wrong) or None


def addresses() -> External:
    """Read the settings."""
    if reason := reason_unavailable():
        raise UnavailableError(reason)
    env = os.environ
    flavour: Flavour = "mailpit" if env.get(INBOX_FLAVOUR) == "mailpit" else "maildump"
    return External(
        ExternalKafka(env["UPS_KAFKA_BOOTSTRAP_SERVERS"]),
        ExternalMongo(env["UPS_MONGO_URI"]),
        ExternalMailbox(env["UPS_SMTP_HOST"], int(env["UPS_SMTP_PORT"]), env["UPS_DEVSTACK_INBOX_URL"], flavour),
    )
