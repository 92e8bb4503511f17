import smtplib
from email.message import EmailMessage

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import AsyncMongoClient
from ups_devstack.stack import Backing


async def make_topic(stack: Backing, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def produce(stack: Backing, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.kafka_bootstrap, transactional_id=f"{topic}-writer", request_timeout_ms=20_000
    )
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def first_value(stack: Backing, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=stack.kafka_bootstrap,
        group_id=f"{topic}-readers",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        record = await consumer.getone()
    finally:
        await consumer.stop()
    value: bytes | None = record.value
    return value


async def test_kafka_takes_and_gives_records_in_transactions(stack: Backing, prefix: str) -> None:
    await make_topic(stack, f"{prefix}.events")

    await produce(stack, f"{prefix}.events", b"on battery")

    assert await first_value(stack, f"{prefix}.events") == b"on battery"


async def test_mongo_commits_transactions(stack: Backing, prefix: str) -> None:
    async with AsyncMongoClient(stack.mongo_uri) as client:
        devices = client[prefix].devices
        async with client.start_session() as session, await session.start_transaction():
            await devices.insert_one({"_id": "a"}, session=session)
            await devices.insert_one({"_id": "b"}, session=session)

        assert await devices.count_documents({}) == 2


async def test_a_sent_mail_is_in_the_inbox_with_its_headers_and_both_bodies(stack: Backing, prefix: str) -> None:
    mail = EmailMessage()
    mail["From"] = "ups@example.com"
    mail["To"] = f"{prefix}@example.com"
    mail["Subject"] = "Auf Batterie – Serverraum"
    mail["List-Unsubscribe"] = "<https://example.com/u>"
    mail.set_content("The UPS runs on battery.\nÄ line.\n")
    mail.add_alternative("<p>The UPS runs on battery.</p>", subtype="html")
    with smtplib.SMTP(stack.smtp_host, stack.smtp_port) as smtp:
        smtp.send_message(mail)

    (found,) = await stack.inbox.mails(to=f"{prefix}@example.com")

    assert found.subject == "Auf Batterie – Serverraum"
    assert found.header("list-unsubscribe") == "<https://example.com/u>"
    assert found.text == "The UPS runs on battery.\nÄ line."
    assert found.html == "<p>The UPS runs on battery.</p>"
    assert b"List-Unsubscribe: <https://example.com/u>" in found.raw
