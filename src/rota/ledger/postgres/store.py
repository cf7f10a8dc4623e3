"""A server's connections in one process, and what a transaction on them is."""

from __future__ import annotations

import contextlib
import os
import random
import time
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg

from rota.ledger.postgres.address import Address
from rota.ledger.postgres.connect import Server, connect
from rota.ledger.postgres.faults import faults, is_race, lost_answer
from rota.ledger.postgres.gate import Gate
from rota.ledger.postgres.serverclock import ServerClock
from rota.ledger.postgres.theirs import accept
from rota.ledger.sql.connection import Connection
from rota.ledger.sql.lender import Lender

__all__ = ["ServerStore"]

T = TypeVar("T")

MOST = 8
"""Connections of a process at most; a node keeps two or three of them."""

TRIES = 8
"""Times that a transaction is done which only lost against another."""


class ServerStore:
    """Hands out connections, opened when they are first needed. A server that is away is told at once: whoever
    asked decides when to try again."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.clock = ServerClock(self._ask_time)
        self._gate = Gate()
        self._lender = self._new_lender()
        self._pid = os.getpid()
        self.key = (0x726F7461 << 32) | zlib.crc32(address.schema.encode())

    def write(
        self, work: Callable[[Connection], T], *, alone: bool = False, within: float | None = None
    ) -> T:
        """One transaction, done again where it only lost against another."""
        lock = f"SELECT pg_advisory_xact_lock({self.key});" if alone else ""
        for _ in range(TRIES - 1):
            with contextlib.suppress(_Race):
                return self._transaction(work, lock, again=True, within=within)
            time.sleep(random.uniform(0.0, 0.02))  # so that two that met do not meet again
        return self._transaction(work, lock, again=False, within=within)

    def read(self, work: Callable[[Connection], T]) -> T:
        self._after_fork()
        with faults(self.address), self._lender.lend() as connection:
            return work(connection)

    def once(self, work: Callable[[Connection], T]) -> T:
        """Work of a single statement that writes, and commits by itself."""
        self._after_fork()
        with faults(self.address), self._lender.lend() as connection:
            try:
                return work(connection)
            except psycopg.OperationalError as error:
                if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
                    raise lost_answer(self.address, error) from error
                raise

    def view(self, work: Callable[[Connection], T]) -> T:
        self._after_fork()
        with faults(self.address), self._lender.lend() as connection:
            connection.begin("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;")
            try:
                return work(connection)
            finally:
                connection.end("ROLLBACK")

    def join(self, theirs: Any, work: Callable[[Connection], T]) -> T:
        with faults(self.address):
            return work(accept(theirs, self.address))

    def close(self) -> None:
        """Close what is open; in a forked child nothing, since it is the parent's."""
        if os.getpid() == self._pid:
            self._lender.close_idle()

    def _transaction(
        self, work: Callable[[Connection], T], lock: str, *, again: bool, within: float | None
    ) -> T:
        """Whatever goes wrong closes the connection, and with it the transaction; but for a race, after which the
        connection is as good as before."""
        self._after_fork()
        with faults(self.address), self._lender.lend() as connection, connection.patient(within):
            try:
                connection.begin(lock)
                answer = work(connection)
            except psycopg.Error as error:
                if not (again and is_race(error)):
                    raise
                connection.end("ROLLBACK")
            else:
                self._commit(connection)
                return answer
        raise _Race

    def _commit(self, connection: Server) -> None:
        try:
            connection.end("COMMIT")
        except psycopg.OperationalError as error:
            if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
                raise lost_answer(self.address, error) from error
            raise

    def _ask_time(self) -> None:
        with faults(self.address), self._lender.lend() as connection:
            connection.begin()
            connection.end("ROLLBACK")

    def _after_fork(self) -> None:
        """A forked child has connections of its own: those that it inherited are its parent's conversation."""
        if os.getpid() != self._pid:
            self._gate = Gate()
            self._lender = self._new_lender()
            self._pid = os.getpid()

    def _new_lender(self) -> Lender[Server]:
        return Lender(
            lambda: self._gate.through(lambda: connect(self.address, self.clock)),
            MOST,
            is_alive=lambda one: one.is_alive,
        )


class _Race(Exception):
    """A transaction lost against another and was rolled back."""
