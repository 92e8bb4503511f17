"""What became of a mail, in words: the states of the notifier's ledger and of `mail.deliveries`, and their reasons."""

from collections.abc import Mapping

_STATES: Mapping[str, str] = {
    "pending": "waits to be sent",
    "sending": "is being sent",
    "retry": "put off",
    "deferred": "put off",
    "unknown": "the answer was lost: it may have arrived",
    "accepted": "the mail server took it",
    "failed": "the mail server refused it",
    "dropped": "not sent",
}
# Of a mail that was not sent.
_DROPPED: Mapping[str, str] = {
    "stale": "decided too long ago when it was first read",
    "expired": "what it says, or its link, was good until then only",
    "gave_up": "tried until it was no longer worth telling",
    "device_removed": "the device was removed",
    "ownership_changed": "the device has passed to somebody else",
    "plan_changed": "the plan was renewed, or is another now",
    "person_removed": "there is no such person (any more)",
    "not_member": "this person is no active member of the device's company",
    "unsubscribed": "this person is not subscribed to the device",
    "raise_not_sent": "its beginning was never told",
    "merged": "told in the mail of its end",
    "over": "over before it could be sent, hours ago",
    "bad_address": "this person's address is none that mail can go to",
    "bounced": "this person's mailbox cannot be reached: mail came back from it",
    "complaint": "this person reported event mail as unwanted",
}
# Of any other. Nothing where the state, or the server's code, says it already.
_ASIDES: Mapping[str, str] = {
    "after_unknown": "",
    "answer_lost": "",
    "cut": ": the connection broke before the server had it",
    "digest": ", in one mail with others",
    "reply": "",
}


def fate(state: str, reason: str | None, smtp_code: int | None = None, *, doubtful: bool = False) -> str:
    """What has become of a mail; `doubtful`: it may have gone out before. What is unknown here is said as it is."""
    said = _STATES.get(state, state)
    if (state, reason) == ("failed", "bounced"):
        said = "the mail server took it, and it came back"
    elif state == "dropped" and reason:
        said += f": {_DROPPED.get(reason, reason)}"
    else:
        said += _ASIDES.get(reason or "", "")
    if smtp_code:
        said += f" ({smtp_code})"
    if state == "accepted" and (doubtful or reason == "after_unknown"):
        said += "; it may arrive twice"
    return said
