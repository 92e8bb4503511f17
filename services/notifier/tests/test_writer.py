import logging
from email import message_from_bytes
from email.policy import default

import pytest

from ups_notifier.adapters.jinja import Portal, Renderer
from ups_notifier.adapters.links import MailLinks
from ups_notifier.adapters.message import HeaderInjectionError, Sender, compose
from ups_notifier.adapters.writer import MailWriter
from ups_notifier.domain.letter import Situation
from ups_notifier.handlers.ports import BadAddressError
from ups_notifier.testing.account_samples import TOKEN, invitation, unsubscribed
from ups_notifier.testing.digest_samples import began
from ups_notifier.testing.samples import NOW, decided, event, reader, samples
from ups_runtime.links import Links
from ups_runtime.logging import configure
from ups_runtime.settings import LogSettings

SENDER = Sender("Ridethrough", "events@ridethrough.example.com")
ACCOUNT = Sender("Ridethrough", "account@ridethrough.example.com")


class FailsOnce(Renderer):
    failed = False

    def render(self, letter):
        if not self.failed:
            self.failed = True
            raise RuntimeError("a template is broken")
        return super().render(letter)


def writer(renderer, fell_back=lambda: None):
    return MailWriter(
        renderer, MailLinks(Links(("k" * 32,), "https://ridethrough.example.com")), SENDER, ACCOUNT, fell_back
    )


def test_a_mail_that_cannot_be_written_becomes_a_plain_one():
    calls = []
    written = writer(FailsOnce(Portal("Ridethrough", "help@example.com")), lambda: calls.append(1)).message(
        decided(event("ON_BATTERY")), reader(), Situation(NOW), "d1", []
    )

    mail = message_from_bytes(written, policy=default)
    assert mail["Subject"].startswith("News of your UPS")
    assert mail["Message-ID"] == "<d1@ridethrough.example.com>"
    assert calls == [1]


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@", "@b", "a b@c", "a@b\r\nBcc: c@d", "ü@example.com", "a@" + "ü" * 80]
)
def test_an_address_that_is_none_is_said_to_be_bad(address):
    known = reader()
    bad = type(known)(known.user.model_copy(update={"address": address}), known.device)

    with pytest.raises(BadAddressError) as refused:
        writer(Renderer(Portal("Ridethrough", "help@example.com"))).message(
            decided(event("ON_BATTERY")), bad, Situation(NOW), "d1", []
        )
    assert not address or address not in str(refused.value)


@pytest.mark.parametrize("value", ["a\r\nBcc: b@c.example", "a\nb", "a\0b", "=?utf-8?q?a=0d=0ab?="])
def test_a_value_that_would_begin_another_header_is_refused(value):
    from dataclasses import replace

    from ups_notifier.domain.writing import write

    sample = samples()["raise"]
    links = MailLinks(Links(("k" * 32,), "https://ridethrough.example.com"))
    letter = write(sample.decision, sample.reader, sample.situation, links)
    rendered = Renderer(Portal("Ridethrough", "help@example.com")).render(letter)

    with pytest.raises(HeaderInjectionError):
        compose(
            replace(letter, subject=value),
            rendered,
            sender=SENDER,
            recipient="alex@example.com",
            recipient_name="",
            delivery_id="d1",
            answers=(),
            company_id="c1",
            date=NOW,
        )


def test_a_digest_that_cannot_be_written_becomes_a_plain_one():
    calls = []
    renderer = FailsOnce(Portal("Ridethrough", "help@example.com"))
    written = writer(renderer, lambda: calls.append(1)).digest([began(number) for number in range(6)], "d1", ())

    mail = message_from_bytes(written, policy=default)
    assert (mail["Subject"], mail["From"]) == ("News of your UPSes", "Ridethrough <events@ridethrough.example.com>")
    assert calls == [1]


def test_what_cannot_be_written_is_logged_without_its_token_names_and_address(capsys):
    configure(LogSettings(), "notifier")
    try:
        ordered = invitation(inviter="Kim Park")
        writer(FailsOnce(Portal("Ridethrough", "help@example.com"))).account(ordered, NOW, "d1")
        said = capsys.readouterr().err
    finally:
        logging.getLogger().handlers = []

    assert '"event": "mail.written_plain"' in said
    assert not [secret for secret in (TOKEN, "Kim Park", "Acme", "alex@") if secret in said]


def test_an_account_mail_that_cannot_be_written_becomes_a_plain_one():
    calls = []
    renderer = FailsOnce(Portal("Ridethrough", "help@example.com"))
    written = writer(renderer, lambda: calls.append(1)).account(unsubscribed("device"), NOW, "d1")

    mail = message_from_bytes(written, policy=default)
    assert (mail["Subject"], mail["From"]) == ("News of your account", "Ridethrough <account@ridethrough.example.com>")
    assert calls == [1]
