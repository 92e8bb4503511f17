import asyncio
import shutil
import ssl
import subprocess

import pytest

from ups_notifier.adapters.smtp import Relay, RelayAddress
from ups_notifier.domain.sending import (
    Accepted,
    AnswerLost,
    Deferred,
    Envelope,
    Phase,
    Refused,
    Superseded,
    Unavailable,
)
from ups_notifier.testing.smtp_server import Then, scripted_server

FROM, TO = "events@ridethrough.example.com", "alex@example.com"
ENVELOPE = Envelope(FROM, TO)
MESSAGE = b"Subject: hello\r\n\r\n.a line with a dot\r\n..two\r\nend\r\n"


@pytest.fixture
async def server():
    async with scripted_server() as running:
        yield running


@pytest.fixture
async def relay(server):
    address = RelayAddress("127.0.0.1", server.port, command_timeout_s=0.5, data_timeout_s=0.5, helo_name="test")
    async with Relay(address) as opened:
        yield opened


async def yes():
    return True


async def no():
    return False


async def test_a_mail_arrives_as_it_is(server, relay):
    assert await relay.send(ENVELOPE, MESSAGE, yes) == Accepted(250)

    assert [(mail.sender, mail.recipient, mail.message) for mail in server.taken] == [(FROM, TO, MESSAGE)]


async def test_a_connection_is_used_again(server, relay):
    for _ in range(3):
        assert await relay.send(ENVELOPE, MESSAGE, yes) == Accepted(250)

    assert server.connections == 1
    assert len(server.taken) == 3


async def test_connections_are_as_many_as_allowed(server):
    async with Relay(RelayAddress("127.0.0.1", server.port, connections=2, helo_name="test")) as relay:
        await asyncio.gather(*(relay.send(ENVELOPE, MESSAGE, yes) for _ in range(6)))

    assert server.connections == 2
    assert len(server.taken) == 6


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("no such user", "5.1.1"),
        ("<5d0b@example.com>: User unknown in virtual mailbox table", "5.1.1"),
        ("Invalid recipient", "5.1.1"),
        ("The email account that you tried to reach does not exist", "5.1.1"),
        ("Administrative prohibition", "5.7.0"),
        ("rejected because 192.0.2.1 is in a black list at zen.example.org", "5.7.0"),
        ("Sender verify failed", "5.7.0"),
        ("Unknown user: sender address does not exist", "5.7.0"),
        ("HELO address unknown", "5.7.0"),
        ("Please turn on SMTP authentication: user unknown", "5.7.0"),
        ("Greylisted, rate limit exceeded", "5.7.0"),
        ("Requested action not taken", None),
        ("Mailbox unavailable", None),
        ("Unrouteable address", None),
    ],
)
async def test_a_refusal_without_a_status_goes_by_its_words(server, relay, words, status):
    server.next("RCPT", f"550 {words}")

    assert await relay.send(ENVELOPE, MESSAGE, yes) == Refused(Phase.RCPT, 550, status)


@pytest.mark.parametrize(
    ("phase", "reply", "result"),
    [
        ("CONNECT", "421 too busy", Unavailable(Phase.CONNECT, "the relay greets with an error", 421)),
        ("CONNECT", "554 go away", Unavailable(Phase.CONNECT, "the relay greets with an error", 554)),
        ("MAIL", "451 later", Unavailable(Phase.MAIL, "the relay takes no mail now", 451)),
        ("MAIL", "550 not you", Unavailable(Phase.MAIL, "the relay takes no mail from our sender address", 550)),
        ("MAIL", "530 log in", Unavailable(Phase.MAIL, "the relay wants a log-in that it accepts", 530)),
        ("RCPT", "450 greylisted", Deferred(Phase.RCPT, 450)),
        ("RCPT", "421 closing", Deferred(Phase.RCPT, 421)),
        ("RCPT", "550 no", Refused(Phase.RCPT, 550)),
        ("RCPT", "550 5.1.1 no such user", Refused(Phase.RCPT, 550, "5.1.1")),
        ("RCPT", "552-5.2.2 full\r\n552 5.2.2 sorry", Refused(Phase.RCPT, 552, "5.2.2")),
        ("RCPT", "550 blocked using bl.example.org", Refused(Phase.RCPT, 550, "5.7.0")),
        ("RCPT", "530 log in", Unavailable(Phase.RCPT, "the relay wants a log-in that it accepts", 530)),
        (
            "RCPT",
            "554 5.7.1 <alex@example.com>: Relay access denied",
            Unavailable(Phase.RCPT, "the relay wants a log-in that it accepts", 554),
        ),
        ("DATA", "451 later", Deferred(Phase.DATA, 451)),
        ("DATA", "554 no", Refused(Phase.DATA, 554)),
        ("CONTENT", "452 disk full", Deferred(Phase.CONTENT, 452)),
        ("CONTENT", "554 spam", Refused(Phase.CONTENT, 554, "5.7.0")),
    ],
)
async def test_a_no_says_what_it_concerns(server, relay, phase, reply, result):
    server.next(phase, reply)

    assert await relay.send(ENVELOPE, MESSAGE, yes) == result
    assert server.taken == []
    assert await relay.send(ENVELOPE, MESSAGE, yes) == Accepted(250)


@pytest.mark.parametrize(
    ("phase", "action", "result"),
    [
        ("CONNECT", Then.CUT, Unavailable(Phase.CONNECT, "the relay cannot be reached")),
        ("CONNECT", Then.HANG, Unavailable(Phase.CONNECT, "the relay does not answer")),
        ("MAIL", Then.CUT, Unavailable(Phase.MAIL, "the relay breaks the connection")),
        ("MAIL", Then.HANG, Unavailable(Phase.MAIL, "the relay breaks the connection")),
        ("RCPT", Then.CUT, Deferred(Phase.RCPT, None)),
        ("RCPT", Then.HANG, Deferred(Phase.RCPT, None)),
        ("DATA", Then.CUT, Deferred(Phase.DATA, None)),
        ("DATA", Then.HANG, Deferred(Phase.DATA, None)),
        ("CONTENT", Then.CUT, AnswerLost()),
        ("CONTENT", Then.KEEP_AND_CUT, AnswerLost()),
        ("CONTENT", Then.HANG, AnswerLost()),
        ("CONTENT", "what?", AnswerLost()),
    ],
)
async def test_a_broken_conversation_says_whether_the_server_may_have_the_mail(server, relay, phase, action, result):
    server.next(phase, action)

    assert await relay.send(ENVELOPE, MESSAGE, yes) == result
    assert len(server.taken) == (1 if action is Then.KEEP_AND_CUT else 0)
    assert await relay.send(ENVELOPE, MESSAGE, yes) == Accepted(250)


async def test_a_no_before_the_message_sends_nothing(server, relay):
    assert await relay.send(ENVELOPE, MESSAGE, no) == Superseded()

    assert await relay.send(ENVELOPE, MESSAGE, yes) == Accepted(250)
    assert len(server.taken) == 1


async def test_the_last_question_is_asked_when_the_server_waits_for_the_message(server, relay):
    asked_after = []

    async def before_content():
        asked_after.extend(server.commands)
        return True

    await relay.send(ENVELOPE, MESSAGE, before_content)

    assert asked_after == ["EHLO", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize(("phase", "reply"), [("RCPT", "550 no"), ("DATA", "554 no")])
async def test_the_last_question_is_not_asked_when_the_server_says_no(server, relay, phase, reply):
    server.next(phase, reply)

    assert await relay.send(ENVELOPE, MESSAGE, lambda: pytest.fail("asked")) == Refused(
        Phase(phase.lower()), int(reply[:3])
    )


async def test_a_connection_that_died_while_idle_costs_nothing(server, relay):
    await relay.send(ENVELOPE, MESSAGE, yes)
    server.next("MAIL", Then.CUT)

    assert await relay.send(ENVELOPE, MESSAGE, yes) == Accepted(250)
    assert server.connections == 2


async def test_a_connection_that_the_server_has_had_enough_of_costs_nothing(server, relay):
    await relay.send(ENVELOPE, MESSAGE, yes)
    server.next("MAIL", "421 too many mails on this connection")

    assert await relay.send(ENVELOPE, MESSAGE, yes) == Accepted(250)
    assert server.connections == 2


async def test_nobody_listening_is_the_relays_trouble():
    async with Relay(RelayAddress("127.0.0.1", 1, helo_name="test")) as relay:
        result = await relay.send(ENVELOPE, MESSAGE, yes)

    assert result == Unavailable(Phase.CONNECT, "the relay refuses connections")


async def test_a_wrong_log_in_is_the_relays_trouble(server):
    server.capabilities = ("AUTH PLAIN",)
    server.next("AUTH", "535 5.7.8 wrong password for alex@example.com")
    address = RelayAddress("127.0.0.1", server.port, username="ups", password="secret", helo_name="test")
    async with Relay(address) as relay:
        result = await relay.send(ENVELOPE, MESSAGE, yes)

        assert result == Unavailable(Phase.CONNECT, "the relay refuses the log-in", 535)
        assert "secret" not in repr(address)
        assert await relay.send(ENVELOPE, MESSAGE, yes) == Accepted(250)


async def test_starttls_that_is_not_offered_is_refused(server):
    async with Relay(RelayAddress("127.0.0.1", server.port, tls="starttls", helo_name="test")) as relay:
        result = await relay.send(ENVELOPE, MESSAGE, yes)

    assert result == Unavailable(Phase.CONNECT, "TLS or log-in is not offered")
    assert "MAIL" not in server.commands


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificate with openssl, which is not installed")
    folder = tmp_path_factory.mktemp("tls")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    where = ["-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(["openssl", *command.split(), *where], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("trusted", "result"),
    [(True, Accepted(250)), (False, Unavailable(Phase.CONNECT, "TLS with the relay fails"))],
)
async def test_tls_needs_a_certificate_that_is_trusted(certificate, trusted, result):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    async with scripted_server(tls=context) as server:
        ca_file = str(certificate / "cert.pem") if trusted else None
        address = RelayAddress("localhost", server.port, tls="tls", ca_file=ca_file, helo_name="test")
        async with Relay(address) as relay:
            assert await relay.send(ENVELOPE, MESSAGE, yes) == result


async def test_an_address_cannot_carry_a_command(relay, server):
    from ups_notifier.handlers.ports import BadAddressError

    injected = ("a@b.example>\r\nRCPT TO:<c@d.example", "a b@c.example", "nobody", "@", "ü@example.com")
    another = ("a(b)@c.example", "a@faß.example", "a@ex\u200bample.com", "a@b\uff0ecom")
    for address in injected + another:
        with pytest.raises(BadAddressError):
            await relay.send(Envelope(FROM, address), MESSAGE, yes)

    assert server.connections == 0


async def test_an_international_domain_goes_in_its_ascii_form(relay, server):
    await relay.send(Envelope(FROM, "alex@bücher.example"), MESSAGE, yes)

    assert [mail.recipient for mail in server.taken] == ["alex@xn--bcher-kva.example"]
