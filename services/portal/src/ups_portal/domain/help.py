"""*Why did I get this e-mail?*: one entry for each kind of mail."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """What a kind of mail is, why it came, and whether one can end it by unsubscribing."""

    title: str
    why: tuple[str, ...]
    event_mail: bool = True


# By the name of the kind of mail.
ENTRIES: Mapping[str, Entry] = {
    "event": Entry(
        "An event of a UPS",
        (
            (
                "Something began or ended at a UPS whose Event Notifications you are subscribed to: the power failed "
                "or returned, a battery ran low, contact was lost."
            ),
            "A condition is mailed when it begins and when it ends. While it lasts you hear nothing more of it.",
        ),
    ),
    "late_events": Entry(
        "What late events left open",
        (
            (
                "A UPS that you are subscribed to could not report for a while, and then reported what had happened "
                "meanwhile. This mail lists what is still going on. What began and ended in that time is only in its "
                "Event Log."
            ),
        ),
    ),
    "disabled": Entry(
        "Event Notifications Disabled",
        (
            (
                "A UPS that you are subscribed to caused more mails in a short time than its limit allows. So that "
                "your inbox is not flooded, its events are not mailed for the time that the mail names."
            ),
            (
                "Everything is still logged. Its owner can enable the notifications earlier, by the button *Enable "
                "Notifications* in the owner's copy; otherwise they come back by themselves."
            ),
        ),
    ),
    "reconcile": Entry(
        "Event Notifications enabled again",
        (
            (
                "The notifications of a UPS that you are subscribed to had been disabled, and are enabled again. The "
                "mail says what is open right now, and what came and went meanwhile."
            ),
        ),
    ),
    "test": Entry(
        "A test",
        ("You, or whoever runs this installation, sent a test event to see that mail arrives. Nothing is wrong.",),
    ),
    "digest": Entry(
        "Several UPSes in one mail",
        (
            (
                "More mails were waiting for you than one can read, as in a power cut at a large site. They came as "
                "one, which lists the UPSes, the shortest battery runtime first."
            ),
        ),
    ),
    "account": Entry(
        "About your account",
        ("Something changed that concerns your account here, or a UPS that you have to do with. The mail says what.",),
        event_mail=False,
    ),
    "unsubscribed": Entry(
        "You unsubscribed",
        (
            (
                "Somebody used the link *Unsubscribe from Email Event Notifications* in a mail to you, or your mail "
                "program did when you pressed its own button. This mail confirms it."
            ),
            "If it was not you, the undo in the mail brings everything back.",
        ),
        event_mail=False,
    ),
    "mailbox_dead": Entry(
        "Mails to a co-worker come back",
        (
            (
                "The mail server of a co-worker refuses our mails, and nobody else is told of the events of some "
                "UPSes. You get this as an admin of the company, so that somebody can be subscribed in time."
            ),
            "Once the mailbox works again, whoever runs this installation can let mails go to it again.",
        ),
        event_mail=False,
    ),
    "plan_notice": Entry(
        "Upcoming changes to your account",
        (
            (
                "The plan of a UPS that you own is about to end, or has ended. After that it is on *Basic "
                "Monitoring*: its events are logged and not mailed."
            ),
            (
                "Owners are told 90, 30 and 7 days before the end, and on the day, once each. Keys, co-workers, the "
                "Event Log and everybody's e-mail preferences stay; when a plan is bought, also later, all goes on as "
                "before."
            ),
        ),
        event_mail=False,
    ),
    "verify_address": Entry(
        "Your address is to be verified",
        (
            "Somebody registered with your address. We must know that it is yours, and that its owner wants this.",
            (
                "The page behind the link asks for the password that was chosen to register: so nobody gets an account "
                "by your click alone. If it was not you, ignore the mail: then there will be no account, and what was "
                "entered is forgotten within a day."
            ),
        ),
        event_mail=False,
    ),
    "account_exists": Entry(
        "You have an account already",
        (
            (
                "Somebody tried to register with your address, which has an account. It has not been touched. Whoever "
                "it was saw nothing of that: the page says the same of every address."
            ),
            "If it was you, sign in, or use *Reset Password*. If it was not you, you need to do nothing.",
        ),
        event_mail=False,
    ),
    "invitation": Entry(
        "You were invited",
        (
            (
                "A member of a company entered your address under *Invite a co-worker*. The mail names both. Whoever "
                "accepts becomes a member of that company, and can see its UPSes and be told of their events."
            ),
            (
                "You can decline on the page behind the link, or ignore the mail: the invitation ends by itself at the "
                "time that the mail says. Somebody may send it once more; nobody else does."
            ),
        ),
        event_mail=False,
    ),
    "invitation_accepted": Entry(
        "Your invitation was accepted",
        ("Somebody whom you invited has joined your company, and can see its UPSes and their Event Log.",),
        event_mail=False,
    ),
    "password_reset": Entry(
        "Reset Password",
        (
            (
                "Somebody entered your address under *Reset Password*. The link in the mail lets you choose a new "
                "password, once, within an hour."
            ),
            (
                "If it was not you, or if you have no account, ignore the mail: without the link nothing changes. Show "
                "the link to nobody."
            ),
        ),
        event_mail=False,
    ),
    "password_changed": Entry(
        "Your password was changed",
        (
            "This tells you of every change of your password, so that nobody can change it without your knowledge.",
            (
                "If it was not you, use *Reset Password* at once, which signs out everybody else, and write to the "
                "address below."
            ),
        ),
        event_mail=False,
    ),
    "member_removed": Entry(
        "You were removed from a company",
        (
            (
                "You are no member of the company any more that the mail names: you get no more event mails of its "
                "UPSes. Your account stays, and can be invited again."
            ),
        ),
        event_mail=False,
    ),
    "ownership_passed": Entry(
        "A UPS has a new owner",
        (
            (
                "The owner of a UPS has handed it over to you, or has left, and it passed to you as the "
                "longest-standing admin. You manage its notification settings and its plan from now on."
            ),
        ),
        event_mail=False,
    ),
}

# In what order, and under which headings, the help page has them.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Mails about your UPSes": ("event", "late_events", "disabled", "reconcile", "digest", "test"),
    "Mails about who is told of what": ("unsubscribed", "mailbox_dead", "plan_notice", "ownership_passed"),
    "Mails about your account": (
        "verify_address",
        "account_exists",
        "invitation",
        "invitation_accepted",
        "password_reset",
        "password_changed",
        "member_removed",
        "account",
    ),
}

# A kind that came after this version of the pages.
OTHER = Entry("A mail of ours", ("It was sent because of a UPS, or of an account, that you have to do with.",))


def entry(mail: str) -> Entry:
    """The entry of a kind of mail."""
    return ENTRIES.get(mail, OTHER)
