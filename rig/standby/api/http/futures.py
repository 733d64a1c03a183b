"""The future of a response: done once, whoever is first."""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TypeAlias, TypeVar

from rig.standby.api.http.response import HttpResponseMessage

R = TypeVar("R")

ResponseFuture: TypeAlias = Future[HttpResponseMessage]


def fulfil(future: Future[R], result: R) -> None:
    with suppress(InvalidStateError):  # cancelled meanwhile
        future.set_result(result)


def fault(future: Future[R], error: BaseException) -> None:
    with suppress(InvalidStateError):
        future.set_exception(error)
