"""A transactional producer that does not hide a doubtful commit."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.sender import CoordinationType, EndTxnHandler, Sender


class OutcomeUnknownError(KafkaError):  # type: ignore[misc] # the library ships no types
    """The coordinator gave no answer to a commit or abort: it may or may not have happened."""


class TransactionalProducer(AIOKafkaProducer):  # type: ignore[misc] # the library ships no types
    """aiokafka's producer, but an unanswered commit or abort is fatal to it.

    The library sends EndTxn again on the same epoch after a time-out; a delayed first one can then end the *next*
    transaction. Here the producer becomes useless instead (every call raises), and starting a new one of the same id
    raises the epoch, which settles what the old request can still do.
    """

    def __init__(self, **options: Any) -> None:  # Any: the library's keyword arguments
        super().__init__(**options)
        self._sender = _Sender(
            self.client,
            acks=-1,
            txn_manager=self._txn_manager,
            retry_backoff_ms=options["retry_backoff_ms"],
            message_accumulator=self._message_accumulator,
            request_timeout_ms=self._request_timeout_ms,
        )

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction was begun and can still be aborted."""
        return bool(self._txn_manager.is_in_transaction())

    @property
    def failure(self) -> BaseException | None:
        """What made it useless; None while it is of use. Its calls may then raise something less telling."""
        if not self._txn_manager.is_fatal_error():
            return None
        failure: BaseException = self._txn_manager.wait_for_transaction_end().exception()
        return failure


class _Sender(Sender):  # type: ignore[misc] # the library ships no types
    async def _do_txn_commit(self, commit_result: Any) -> None:  # Any: the library's enum
        # as the library's own, which a test compares by its source, but for the handler
        await self._message_accumulator.flush_for_commit()
        if self._txn_manager.is_empty_transaction():
            self._txn_manager.complete_transaction()
            return
        node_id = await self._find_coordinator(CoordinationType.TRANSACTION, self._txn_manager.transactional_id)
        await _EndTxn(self, commit_result).do(node_id)


class _EndTxn(EndTxnHandler):  # type: ignore[misc] # the library ships no types
    async def do(self, node_id: int) -> bool:
        try:
            response = await self._sender.client.send(node_id, self.create_request(), group=self.group)
        except Exception as error:
            raise OutcomeUnknownError(f"no answer to the end of a transaction: {type(error).__name__}") from error
        # An answer that asks for another try says that this one did nothing.
        return await _settled(self.handle_response(response))


async def _settled(retry_backoff_s: float | None) -> bool:
    if retry_backoff_s is None:
        return True
    await asyncio.sleep(retry_backoff_s)
    return False
