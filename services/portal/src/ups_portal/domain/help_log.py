"""What the lines of the Event Log mean, for who reads them in the portal."""

from collections.abc import Sequence
from dataclasses import dataclass

from ups_portal.domain.text import Text


@dataclass(frozen=True, slots=True)
class Saying:
    """What stands there, what it means, and what one can do, if anything."""

    says: Text
    means: Text
    do: Text | None = None


_NOTHING = Text("There is nothing to do.")

# As docs/event-log.md has them, in its order.
DECISIONS: Sequence[Saying] = (
    Saying(
        Text("Mailed to Anna, Ben (5 of 6 in 30 minutes)."),
        Text(
            "It went to these people, as the fifth of the six mails that the UPS may cause within half an hour. What "
            "became of each mail stands beside it."
        ),
    ),
    Saying(
        Text("Mailed to …, although Event Notifications were disabled then, for this one always is."),
        Text("The owner chose that this is mailed even then, once a day."),
    ),
    Saying(
        Text("Not decided yet."),
        Text("It arrived a moment ago."),
        Text("Look again. If it stays so for a minute, write to the support address."),
    ),
    Saying(
        Text("Not mailed, one too many: 6 notifications in 30 minutes. Event Notifications were disabled instead."),
        Text(
            "The UPS sent too much in a short time. *Event Notifications Disabled* was mailed in place of this event, "
            "to everybody subscribed."
        ),
        Text("Find out why it sends so much. Then its owner presses *Enable Notifications*."),
    ),
    Saying(
        Text("Not mailed, since Event Notifications were disabled then."),
        Text("It came while the notifications of the UPS were disabled."),
        Text("The mail at the end of that time says what came and went. The owner can end it earlier."),
    ),
    Saying(
        Text("Not mailed: nobody is subscribed to this device."),
        Text("Nobody hears of this UPS at all."),
        Text("Choose to be told under *Notifications*, and press *Save Settings*."),
    ),
    Saying(
        Text("Not mailed: nobody who is subscribed wants events of this kind or severity."),
        Text("Somebody is subscribed, but from a higher severity up, or for other events."),
        Text("Choose a lower severity under *Notifications*."),
    ),
    Saying(
        Text("Not mailed: the plan logs only (Basic Monitoring)."),
        Text("The free period is over and no plan was bought, or the UPS is on Basic Monitoring by choice."),
        Text("Buy a plan: it is in force within seconds."),
    ),
    Saying(
        Text("Not mailed: the plan standard had ended."),
        Text("The plan was good until then."),
        Text("Renew it."),
    ),
    Saying(
        Text("Not mailed again: it has lasted since 10:02, and was told before."),
        Text("A UPS repeats what goes on, sometimes each minute. One mail tells of its beginning, one of its end."),
        _NOTHING,
    ),
    Saying(
        Text("Not mailed: it was over before we heard of it."),
        Text("Its end had arrived first."),
        _NOTHING,
    ),
    Saying(
        Text("Not mailed: it ends nothing that we knew of."),
        Text("This is an end whose begin never arrived, or was too long ago."),
        _NOTHING,
    ),
    Saying(
        Text("Not mailed: nobody who still listens was told that it began."),
        Text("Whoever was never told of the begin is not told of the end."),
        Text("The line of its begin says why that was not mailed."),
    ),
    Saying(
        Text("Not mailed at once: it came late, and is told with others if it still lasts. Later, at …, mailed to …."),
        Text(
            "The UPS was out of reach, and then told of what had happened meanwhile. A minute after the last of it one "
            "mail lists what still goes on."
        ),
    ),
    Saying(
        Text("Not mailed: its own readings contradict it."),
        Text("It said, for example, *on battery* together with the status *online*."),
        Text("Look at the UPS, or at what speaks for it."),
    ),
    Saying(
        Text("Not mailed: the device was not known then."),
        Text("The UPS was not registered yet, or had been removed."),
    ),
    Saying(
        Text("Not mailed: the device had passed to somebody else."),
        Text("It was sent for the owner before."),
    ),
    Saying(
        Text("A test, mailed to Anna."),
        Text("Somebody asked for it. It is no event of the UPS, and is not counted."),
    ),
)

FATES: Sequence[Saying] = (
    Saying(
        Text("the mail server took it"),
        Text("It was handed over."),
        Text("If it is not in your inbox, look in the spam folder; then ask whoever runs your mail server."),
    ),
    Saying(
        Text("the mail server took it, in one mail with others"),
        Text("Much waited for this person at once, and came as one mail."),
    ),
    Saying(
        Text("the mail server took it; it may arrive twice"),
        Text("The first answer was lost, so it was sent once more, as the same message."),
    ),
    Saying(
        Text("the answer was lost: it may have arrived"),
        Text("Nobody can say whether the mail server took it."),
    ),
    Saying(
        Text("put off"),
        Text("The mail server asked to come back later, or could not be reached. It is tried for a day and more."),
    ),
    Saying(
        Text("the mail server refused it (550)"),
        Text("The number is the mail server's. The address may be wrong."),
    ),
    Saying(
        Text("the mail server took it, and it came back"),
        Text("The mailbox refused it afterwards."),
    ),
    Saying(
        Text("not sent: …"),
        Text(
            "And why: unsubscribed meanwhile, no member any more, the UPS removed or passed on, told in the mail of "
            "its end, over for hours, or the mailbox cannot be reached."
        ),
    ),
)
