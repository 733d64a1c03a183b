"""What an app hears of its background transfers, by their futures."""

from __future__ import annotations

from concurrent.futures import CancelledError
from http import HTTPStatus

import pytest

from rig.standby.api.transfers import (
    BackgroundTransferError,
    DownloadOperation,
    TransferError,
    WebErrorStatus,
)
from rig.standby.api.transfers.errors import _CODES
from rig.standby.wire import app_transfers as wire
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_types import TransferFault, TransferProgress
from tests.standby.fake_system_of_transfers import FakeSystem, download


def test_progress_and_the_end_are_heard_and_then_it_is_forgotten(system: FakeSystem) -> None:
    operation = download()
    future = operation.start_async()
    heard: list[tuple[int, str]] = []
    future.add_progress(lambda told: heard.append((told.progress.bytes_received, told.progress.status.name)))
    system.work()
    for received in (10, 20):
        system.becomes(operation.guid, Status.RUNNING, progress=TransferProgress(received, 20))
        system.work()
    assert not future.done()
    assert system.forgotten == []
    system.becomes(operation.guid, Status.COMPLETED)
    system.work()
    assert heard == [(0, "IDLE"), (10, "RUNNING"), (20, "RUNNING"), (20, "COMPLETED")]
    assert future.result(0) is operation
    assert system.forgotten == [operation.guid]


def test_a_slow_handler_hears_what_is_not_all_that_was(system: FakeSystem) -> None:
    operation = download()
    future = operation.start_async()
    system.work()
    heard: list[int] = []

    def slow(told: DownloadOperation) -> None:
        heard.append(told.progress.bytes_received)
        if len(heard) == 1:
            for received in (2, 3, 4):  # meanwhile
                system.becomes(operation.guid, Status.RUNNING, progress=TransferProgress(received))

    future.add_progress(slow)
    system.becomes(operation.guid, Status.RUNNING, progress=TransferProgress(1))
    system.work()
    assert heard[0] == 1
    assert heard[-1] == 4
    assert len(heard) <= 3


def test_a_handler_that_raises_keeps_nobody_from_hearing(system: FakeSystem) -> None:
    operation = download()
    future = operation.start_async()
    system.work()
    heard: list[DownloadOperation] = []
    future.add_progress(lambda told: (_ for _ in ()).throw(ZeroDivisionError()))
    future.add_progress(heard.append)
    system.becomes(operation.guid, Status.COMPLETED)
    system.work()
    assert heard == [operation]
    assert future.done()
    assert [type(fault) for fault in system.faults] == [ZeroDivisionError]


def test_one_call_at_a_time_waits_for_all(system: FakeSystem) -> None:
    futures = [download().start_async() for _ in range(20)]
    system.work()
    asked = len(system.called(wire.WatchTransfers))
    assert asked <= 4, "one asks for all there are, while others start; another one for those; then one waits"
    assert len(system.called(wire.WatchTransfers)[-1].ids) == 20
    for future in futures:
        system.becomes(future.operation.guid, Status.COMPLETED)
    system.work()
    assert all(future.done() for future in futures)
    assert len(system.called(wire.WatchTransfers)) == asked + 1, "the rest is one answer, and then nobody is left to ask for"
    assert len(system.forgotten) == 20


def test_one_that_starts_while_a_call_waits_is_heard_too(system: FakeSystem) -> None:
    first = download()
    first_future = first.start_async()
    system.work()
    second = download()
    second_future = second.start_async()
    system.work()
    system.becomes(second.guid, Status.COMPLETED)
    system.work()
    assert second_future.done()
    assert not first_future.done()
    system.becomes(first.guid, Status.COMPLETED)
    system.work()
    assert first_future.done()


def test_a_new_system_is_asked_for_all_again(system: FakeSystem) -> None:
    operation = download()
    future = operation.start_async()
    for _ in range(5):
        system.becomes(operation.guid, Status.RUNNING)
        system.work()
    system.restarts()
    system.work()
    assert system.called(wire.WatchTransfers)[-1].epoch == 8
    system.becomes(operation.guid, Status.COMPLETED)
    system.work()
    assert future.result(0) is operation


def test_a_failure_has_its_code_and_words(system: FakeSystem) -> None:
    operation = download()
    future = operation.start_async()
    system.becomes(operation.guid, Status.ERROR, fault=TransferFault(404, "HTTP 404 Not Found"))
    system.work()
    error = future.exception(0)
    assert isinstance(error, TransferError)
    assert error.code == 0x80190194
    assert BackgroundTransferError.get_status(error) is HTTPStatus.NOT_FOUND
    assert str(error) == "NOT_FOUND (0x80190194): HTTP 404 Not Found"
    assert system.forgotten == [operation.guid]


def test_each_code_leads_back_to_its_status() -> None:
    assert set(_CODES) == set(WebErrorStatus)
    for status in WebErrorStatus:
        assert BackgroundTransferError.get_status(TransferError(status, "")) is status
    for code in (300, 305, 307, 400, 417, 500, 505):
        assert BackgroundTransferError.get_status(0x80190000 + code) == code
        assert BackgroundTransferError.get_status(0x80190000 + code - 2**32) == code, "as a signed number"
    for code, web in [(306, WebErrorStatus.UNEXPECTED_REDIRECTION), (451, WebErrorStatus.UNEXPECTED_CLIENT_ERROR),
                      (507, WebErrorStatus.UNEXPECTED_SERVER_ERROR), (299, WebErrorStatus.UNEXPECTED_STATUS_CODE)]:  # fmt: skip
        assert BackgroundTransferError.get_status(TransferError(code, "")) is web
    for other in (0, HResult.INVALID_ARG, ValueError(), HostError(HResult.FAIL, "")):
        assert BackgroundTransferError.get_status(other) is WebErrorStatus.UNKNOWN


def test_cancel_returns_when_it_is_cancelled(system: FakeSystem) -> None:
    operation = download()
    future = operation.start_async()
    system.work()
    assert future.cancel()
    assert future.cancelled()
    assert system.called(wire.CancelTransfer) == [wire.CancelTransfer(operation.guid)]
    assert system.forgotten == [operation.guid]
    with pytest.raises(CancelledError):
        future.result(0)
    system.work()
    assert system.forgotten == [operation.guid], "once"


def test_who_cancels_too_late_is_told(system: FakeSystem) -> None:
    operation = download()
    future = operation.start_async()
    system.work()
    system.becomes(operation.guid, Status.COMPLETED)
    system.work()
    assert not future.cancel()
    assert system.called(wire.CancelTransfer) == []


def test_one_cancelled_elsewhere_is_cancelled_here(system: FakeSystem) -> None:
    operation = download()
    future = operation.start_async()
    system.becomes(operation.guid, Status.CANCELED)
    system.work()
    assert future.cancelled()


def test_a_start_that_is_refused_leaves_nothing(system: FakeSystem) -> None:
    operation = download()
    system.refuses[wire.StartTransfer] = HResult.ILLEGAL_METHOD_CALL
    with pytest.raises(HostError):
        operation.start_async()
    assert system.called(wire.WatchTransfers) == []


def test_one_that_is_gone_ends_its_own_future_alone(system: FakeSystem) -> None:
    """Nobody has the first any more; the second starts before that is heard."""
    system.refuses[wire.WatchTransfers] = HResult.ELEMENT_NOT_FOUND
    first_future = download().start_async()
    del system.refuses[wire.WatchTransfers]
    second = download()
    second_future = second.start_async()
    system.work()
    with pytest.raises(HostError, match="ELEMENT_NOT_FOUND"):
        first_future.result(0)
    system.becomes(second.guid, Status.COMPLETED)
    system.work()
    assert second_future.result(0) is second


def test_what_is_cancelled_is_asked_for_no_more(system: FakeSystem) -> None:
    first, second = download(), download()
    future, _ = first.start_async(), second.start_async()
    system.work()
    future.cancel()
    system.work()
    assert system.called(wire.WatchTransfers)[-1].ids == (second.guid,)


def test_without_an_answer_of_the_system_futures_end(system: FakeSystem) -> None:
    system.refuses[wire.WatchTransfers] = HResult.INVALID_ARG
    future = download().start_async()
    system.work()
    with pytest.raises(HostError, match="the test says so"):
        future.result(0)
