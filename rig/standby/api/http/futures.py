"""The future of a response: done once, whoever is first."""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TypeAlias, TypeVar

from rig.standby.api.http.response import HttpResponseMessage
from rig.standby.wire.hresult import HostError, HResult

R = TypeVar("R")

ResponseFuture: TypeAlias = Future[HttpResponseMessage]


def fulfil(future: Future[R], result: R) -> None:
    with suppress(InvalidStateError):  # cancelled meanwhile
        future.set_result(result)


def fault(future: Future[R], error: BaseException) -> None:
    """Who has given it up himself hears that it is cancelled."""
    if isinstance(error, HostError) and error.hresult is HResult.CANCELLED:
        future.cancel()
        return
    with suppress(InvalidStateError):
        future.set_exception(error)
