"""Every kind of mail as files: `python -m ups_notifier.preview FOLDER` writes .html, .txt and .eml to look at."""

import sys
from pathlib import Path

from ups_notifier.adapters.jinja import Portal, Rendered, Renderer
from ups_notifier.adapters.links import MailLinks
from ups_notifier.adapters.message import Sender, compose
from ups_notifier.domain.writing import write
from ups_notifier.testing.samples import Sample, samples
from ups_runtime.links import Links
from ups_schemas.ids import delivery_id

# Not a secret: these links lead nowhere.
_LINKS = MailLinks(Links(("preview-" * 4,), "https://ridethrough.example.com"))
_SENDER = Sender("Ridethrough", "events@ridethrough.example.com")


def render(sample: Sample) -> tuple[Rendered, bytes]:
    """The parts, and the whole message, of a sample."""
    letter = write(sample.decision, sample.reader, sample.situation, _LINKS)
    rendered = Renderer(Portal("Ridethrough", "support@ridethrough.example.com")).render(letter)
    user = sample.reader.user
    message = compose(
        letter,
        rendered,
        sender=_SENDER,
        recipient=user.address,
        recipient_name=user.name,
        delivery_id=delivery_id(sample.decision.notification_id or "", user.user_id),
        answers=sample.answers,
        company_id=sample.reader.device.company_id,
        date=sample.situation.now,
    )
    return rendered, message


def main() -> None:
    """Write all samples into the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, sample in samples().items():
        rendered, message = render(sample)
        (folder / f"{name}.html").write_text(rendered.html, encoding="utf-8")
        (folder / f"{name}.txt").write_text(rendered.text, encoding="utf-8")
        (folder / f"{name}.eml").write_bytes(message)


if __name__ == "__main__":
    main()
