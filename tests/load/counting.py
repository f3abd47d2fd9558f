"""Counting SQL statements, and how long a session's row stays locked."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse

_LOCK = "FOR NO KEY UPDATE OF session"


@dataclass
class Hold:
    """One time that a session's row was locked: until when, and what was asked meanwhile."""

    since: float
    statements: list[str] = field(default_factory=list)
    seconds: float | None = None


class Counting:
    """While the context lasts, every statement of this process's connection is counted.

    BEGIN and COMMIT are sent by the driver and not counted.
    """

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.holds: list[Hold] = []
        self._stack = ExitStack()

    @property
    def locked(self) -> int:
        """The statements that were asked while a session's row was locked."""
        return sum(len(hold.statements) for hold in self.holds)

    @property
    def words(self) -> str:
        """For the table."""
        if not self.holds:
            return str(len(self.statements))
        return f"{len(self.statements)}, {self.locked} locked"

    def __enter__(self) -> Self:
        self._stack.enter_context(connection.execute_wrapper(self._execute))
        return self

    def __exit__(self, *trouble: object) -> None:
        self._stack.close()

    def _execute(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self.statements.append(sql)
        held = self.holds[-1] if self.holds and self.holds[-1].seconds is None else None
        if held is not None:
            held.statements.append(sql)
        answer = execute(sql, params, many, context)
        if held is None and _LOCK in sql:
            hold = Hold(since=time.perf_counter())
            self.holds.append(hold)
            transaction.on_commit(lambda: self._released(hold))
        return answer

    @staticmethod
    def _released(hold: Hold) -> None:
        hold.seconds = time.perf_counter() - hold.since


def statements_in_header(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """As middleware: what an answer asked of the database, in its header `X-Statements`."""

    def counted(request: HttpRequest) -> HttpResponse:
        with Counting() as counting:
            response = get_response(request)
        response.headers["X-Statements"] = str(len(counting.statements))
        return response

    return counted
