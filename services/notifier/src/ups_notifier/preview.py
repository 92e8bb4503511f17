"""Every kind of mail as files: `python -m ups_notifier.preview FOLDER` writes .html, .txt and .eml to look at."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from ups_notifier.adapters.jinja import Portal, Rendered, Renderer
from ups_notifier.adapters.links import MailLinks
from ups_notifier.adapters.message import Sender
from ups_notifier.adapters.writer import MailWriter
from ups_notifier.domain.account_letter import account_letter
from ups_notifier.domain.digest_letter import digest_letter
from ups_notifier.domain.letter import Letter
from ups_notifier.domain.plan_letter import Seller
from ups_notifier.domain.writing import write
from ups_notifier.testing.account_samples import AccountSample, account_samples
from ups_notifier.testing.digest_samples import DigestSample, digest_samples
from ups_notifier.testing.samples import Sample, samples
from ups_runtime.links import Links
from ups_schemas.ids import delivery_id

AnySample = Sample | DigestSample | AccountSample

# Not a secret: these links lead nowhere.
_LINKS = MailLinks(Links(("preview-" * 4,), "https://ridethrough.example.com"))
_SELLER = Seller(
    "https://shop.example.com/plans?ups={device_id}",
    "Power & Light Ltd sells and renews plans: +44 20 7946 0000.",
)
_RENDERER = Renderer(Portal("Ridethrough", "support@ridethrough.example.com", _SELLER))


def all_samples() -> Mapping[str, AnySample]:
    """Every kind of mail by name."""
    return {**samples(), **digest_samples(), **account_samples()}


def letter_of(sample: AnySample) -> Letter:
    """What a sample says."""
    match sample:
        case Sample():
            return write(sample.decision, sample.reader, sample.situation, _LINKS)
        case DigestSample():
            return digest_letter(sample.pending, _LINKS)
        case AccountSample():
            return account_letter(sample.request, _LINKS, _RENDERER.portal.name, _SELLER, sample.now)
        case _:
            assert_never(sample)


def render(sample: AnySample) -> tuple[Rendered, bytes]:
    """The parts, and the whole message, of a sample."""
    return _RENDERER.render(letter_of(sample)), _message(sample)


def _message(sample: AnySample) -> bytes:
    writer = MailWriter(
        _RENDERER,
        _LINKS,
        Sender("Ridethrough", "events@ridethrough.example.com"),
        Sender("Ridethrough", "account@ridethrough.example.com"),
        _no_plain_mail,
    )
    match sample:
        case Sample():
            copy = delivery_id(sample.decision.notification_id or "", sample.reader.user.user_id)
            return writer.message(sample.decision, sample.reader, sample.situation, copy, sample.answers)
        case DigestSample():
            return writer.digest(sample.pending, delivery_id("digest", sample.pending[0].reader.user.user_id), ())
        case AccountSample():
            request = sample.request
            return writer.account(request, sample.now, delivery_id(request.request_id, request.recipient_id))
        case _:
            assert_never(sample)


def _no_plain_mail() -> None:
    raise RuntimeError("this sample could not be written in its own words")


def main() -> None:
    """Write all samples into the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, sample in all_samples().items():
        rendered, message = render(sample)
        (folder / f"{name}.html").write_text(rendered.html, encoding="utf-8")
        (folder / f"{name}.txt").write_text(rendered.text, encoding="utf-8")
        (folder / f"{name}.eml").write_bytes(message)


if __name__ == "__main__":
    main()
