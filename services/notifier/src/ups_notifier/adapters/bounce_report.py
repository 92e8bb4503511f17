"""A message that came back, read: delivery status (RFC 3464) and feedback reports (RFC 5965). All of it is hostile."""

import re
from dataclasses import dataclass
from email import policy
from email.message import Message
from email.parser import BytesParser, HeaderParser

from ups_notifier.domain.bouncing import BounceKind, kind_of_report, status_in

# What is reported, and the head of our message, come before that; what follows is its text. The parser's time grows
# with the square of a hostile header's length: 20 s for the whole MiB that a call may bring.
_READ = 128 * 1024

# A report has three parts, and our own message two more. Each nesting level costs the parser a pass over what is in it.
_MAX_NESTING = 24
_NESTS = (b"boundary", b"message/")
_MAX_VALUE = 1000
_MAX_PATHS = 20

_ADDRESS = re.compile(r"[^\s<>;:,\"]{1,256}@[^\s<>;:,\"]{1,256}")

# Where mail systems say for whom a message came, the surest first.
_ENVELOPE_HEADERS = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To")

# RFC 5965, 7.3, and RFC 6430: somebody pressed "this is spam" or "unsubscribe".
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out"})

# Undefined, or tried until the time was over: why, the last answer may say.
_UNCLEAR = frozenset({"5.0.0", "4.0.0", "5.4.7", "4.4.7"})


@dataclass(frozen=True, slots=True)
class Report:
    """What a message says: `paths` are addresses that may be our return path; `code` is RFC 3463's.

    Without a kind it says that a mail did not arrive, and nothing of the mailbox.
    `recipient` is who could not be reached, if that is said: not always whom we wrote to.
    """

    kind: BounceKind | None
    paths: tuple[str, ...]
    code: str | None = None
    recipient: str | None = None


def read_report(raw: bytes) -> Report | None:
    """What a message reports; None if it is no report of a failure or complaint, or too odd to be one."""
    raw = raw[:_READ]
    lowered = raw.lower()
    if any(lowered.count(each) > _MAX_NESTING for each in _NESTS):
        return None
    root: Message = BytesParser(policy=policy.compat32).parsebytes(raw)
    if root.get_content_type() != "multipart/report" or not root.is_multipart():
        return None
    parts = _parts(root)
    for part in parts:
        match part.get_content_type():
            case "message/delivery-status":
                return _failure(_parts(part), _paths(root, parts))
            case "message/feedback-report":
                return _complaint(_parts(part), root, parts)
    return None


def _failure(blocks: list[Message], paths: tuple[str, ...]) -> Report | None:
    failed = next((each for each in blocks if _value(each, "Action").strip().lower() == "failed"), None)
    if failed is None:
        return None
    status = status_in(_value(failed, "Status"))
    if status is None or status in _UNCLEAR:
        status = status_in(_value(failed, "Diagnostic-Code")) or status
    kind = kind_of_report(status) if status else BounceKind.SOFT
    recipient = _ADDRESS.search(_value(failed, "Final-Recipient"))
    said = (*paths, *(path for block in blocks for path in _ADDRESS.findall(_value(block, "X-Postfix-Sender"))))
    return Report(kind, said[:_MAX_PATHS], status, recipient[0] if recipient else None)


def _complaint(feedback: list[Message], root: Message, parts: list[Message]) -> Report | None:
    if not feedback or _value(feedback[0], "Feedback-Type").strip().lower() not in _COMPLAINTS:
        return None
    said = _ADDRESS.findall(_value(feedback[0], "Original-Mail-From"))
    return Report(BounceKind.COMPLAINT, (*said, *_paths(root, parts))[:_MAX_PATHS])


def _paths(root: Message, parts: list[Message]) -> tuple[str, ...]:
    """Addresses that the message came for, and the return path of ours that it holds."""
    ours = [each for part in parts for each in _headers(part)]
    return tuple(
        path
        for values in (
            *(_value(root, name) for name in _ENVELOPE_HEADERS),
            *(_value(headers, "Return-Path") for headers in ours),
        )
        for path in _ADDRESS.findall(values)
    )[:_MAX_PATHS]


def _headers(part: Message) -> list[Message]:
    """The message that came back, as far as it is in this part."""
    match part.get_content_type():
        case "message/rfc822":
            return _parts(part)
        case "text/rfc822-headers":
            return [HeaderParser(policy=policy.compat32).parsestr(str(part.get_payload()))]
        case _:
            return []


def _parts(message: Message) -> list[Message]:
    payload = message.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _value(message: Message, name: str) -> str:
    # the first of several, cut: no header of a report is longer
    return str(message.get(name, ""))[:_MAX_VALUE]
