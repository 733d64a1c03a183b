"""Background transfers as an app has them: what it is refused at once, what it asks for, and what it hears of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import CancelledError
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from rig.standby.api import BackgroundTaskBuilder, session
from rig.standby.api.transfers import (
    BackgroundDownloader,
    BackgroundTransferBehavior,
    BackgroundTransferCompletionGroup,
    BackgroundTransferCompletionGroupTriggerDetails,
    BackgroundTransferContentPart,
    BackgroundTransferCostPolicy,
    BackgroundTransferError,
    BackgroundTransferGroup,
    BackgroundTransferPriority,
    BackgroundUploader,
    DownloadOperation,
    PasswordCredential,
    TransferError,
    WebErrorStatus,
)
from rig.standby.api.transfers.errors import _CODES
from rig.standby.wire import app_transfers as wire
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_types import ContentPart, TransferFault, TransferProgress, TransferSpec
from tests.standby.fake_system_of_transfers import FakeSystem

URI = "http://192.0.2.1/episode.mp3"


@pytest.fixture
def system() -> Iterator[FakeSystem]:
    before, fake = session._current, FakeSystem()
    session._current = fake  # type: ignore[assignment]
    yield fake
    session._current = before


def download(path: Path | str = "/tmp/episode.mp3") -> DownloadOperation:
    return BackgroundDownloader().create_download(URI, path)


def spec_of(system: FakeSystem) -> TransferSpec:
    """Of the newest."""
    spec: TransferSpec = system.called(wire.CreateTransfer)[-1].spec
    return spec


# -- what is created ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    ["episode.mp3", "gopher://host/x", "http://", "http://host/a b", "http://user@host/x", "ftp://host", "ftp://host/dir/",
     "ftp://host/a\r\nDELE b", "ftp://host/a%0d%0aDELE%20b", "ftp://host:99999/x"],
)  # fmt: skip
def test_a_bad_uri_is_refused_at_once(system: FakeSystem, uri: str) -> None:
    with pytest.raises(HostError) as refused:
        BackgroundDownloader().create_download(uri, "/tmp/x")
    assert refused.value.hresult is HResult.INVALID_ARG
    assert system.calls == []


def test_ftp_is_for_downloads_with_the_credentials_inside(system: FakeSystem) -> None:
    BackgroundDownloader().create_download("ftp://me:secret@192.0.2.1/x", "/tmp/x")
    assert spec_of(system).uri == "ftp://me:secret@192.0.2.1/x"
    with pytest.raises(HostError) as refused:
        BackgroundUploader().create_upload("ftp://me:secret@192.0.2.1/x", "/tmp/x")
    assert refused.value.hresult is HResult.INVALID_ARG
    assert "secret" not in str(refused.value)


def test_a_relative_path_is_refused(system: FakeSystem) -> None:
    for create in (BackgroundDownloader().create_download, BackgroundUploader().create_upload):
        with pytest.raises(HostError, match="absolute"):
            create(URI, "episode.mp3")


def test_what_is_set_before_reaches_the_operation(system: FakeSystem) -> None:
    downloader = BackgroundDownloader()
    downloader.method = "post"
    downloader.cost_policy = BackgroundTransferCostPolicy.ALWAYS
    downloader.server_credential = PasswordCredential("me", "secret")
    downloader.proxy_credential = PasswordCredential("you", "hidden")
    downloader.group = "podcasts"
    for name, value in [("X-One", "a"), ("x-one", "b"), ("Cookie", "a=1"), ("cookie", "b=2"), ("Accept", "*/*")]:
        downloader.set_request_header(name, value)
    operation = downloader.create_download(URI, "/tmp/x")
    spec = spec_of(system)
    assert spec.headers == (("X-One", "a, b"), ("Cookie", "a=1; b=2"), ("Accept", "*/*"))
    assert (spec.method, spec.cost_policy, spec.group) == ("POST", BackgroundTransferCostPolicy.ALWAYS, "podcasts")
    assert (spec.server_credential, spec.proxy_credential) == (downloader.server_credential, downloader.proxy_credential)
    assert (operation.method, operation.guid, operation.result_file) == ("POST", spec.id, Path("/tmp/x"))
    assert operation.progress.status is Status.IDLE


@pytest.mark.parametrize(
    ("name", "value"), [("X\r\n", "a"), ("X", "a\r\nY: b"), ("", "a"), ("Content-Length", "1"), ("Range", "x")]
)
def test_a_header_that_is_none_or_not_the_apps_is_refused(system: FakeSystem, name: str, value: str) -> None:
    with pytest.raises(HostError) as refused:
        BackgroundUploader().set_request_header(name, value)
    assert refused.value.hresult is HResult.INVALID_ARG


def test_parts_go_as_they_were_set(system: FakeSystem) -> None:
    text, file = BackgroundTransferContentPart("title"), BackgroundTransferContentPart("photo", "beach.jpg")
    text.set_text("holiday")
    file.set_header("Content-Type", "image/jpeg")
    file.set_file("/tmp/beach.jpg")
    upload = BackgroundUploader().create_upload_from_parts(URI, [text, file], "mixed", "xyz")
    spec = spec_of(system)
    headers = (("Content-Type", "image/jpeg"),)
    assert spec.parts == (
        ContentPart("title", text="holiday"),
        ContentPart("photo", "beach.jpg", "/tmp/beach.jpg", headers=headers),
    )
    assert (spec.subtype, spec.boundary, upload.source_file, upload.method) == ("mixed", "xyz", None, "POST")


@pytest.mark.parametrize("how", [{"parts": []}, {"subtype": "a/b"}, {"boundary": "a\r\nb"}, {"boundary": "x" * 71}])
def test_parts_that_cannot_be_sent_are_refused(system: FakeSystem, how: dict[str, Any]) -> None:
    with pytest.raises(HostError) as refused:
        BackgroundUploader().create_upload_from_parts(URI, **({"parts": [BackgroundTransferContentPart("a")]} | how))
    assert refused.value.hresult is HResult.INVALID_ARG


def test_the_same_name_is_the_same_group(system: FakeSystem) -> None:
    group = BackgroundTransferGroup.create_group("news")
    group.transfer_behavior = BackgroundTransferBehavior.SERIALIZED
    downloader = BackgroundDownloader()
    downloader.group = "news"
    operation = downloader.create_download(URI, "/tmp/x")
    assert BackgroundTransferGroup.create_group("news") is group is operation.transfer_group
    assert BackgroundTransferGroup.create_group("other") is not group
    assert spec_of(system).behavior is BackgroundTransferBehavior.SERIALIZED
    with pytest.raises(HostError):
        BackgroundTransferGroup.create_group("")


def test_what_the_system_refuses_is_raised(system: FakeSystem) -> None:
    system.refuses[wire.CreateTransfer] = HResult.OUT_OF_MEMORY
    with pytest.raises(HostError) as refused:
        download()
    assert refused.value.hresult is HResult.OUT_OF_MEMORY


def test_a_completion_group_fires_a_task(system: FakeSystem) -> None:
    group = BackgroundTransferCompletionGroup()
    BackgroundDownloader(group).create_download(URI, "/tmp/x")
    assert spec_of(system).completion_group == group.id == group.trigger.group
    assert BackgroundTaskBuilder("sort", "a.B", group.trigger).trigger == group.trigger
    assert not group.is_enabled
    group.enable()
    assert group.is_enabled
    assert system.called(wire.EnableCompletionGroup) == [wire.EnableCompletionGroup(group.id)]
    system.refuses[wire.EnableCompletionGroup] = HResult.ILLEGAL_METHOD_CALL
    with pytest.raises(HostError):
        group.enable()


# -- what is heard -----------------------------------------------------------------------------------------------------


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


# -- what others have left ---------------------------------------------------------------------------------------------


def left(system: FakeSystem, status: Status, direction: Any = "download", **how: Any) -> str:
    spec = TransferSpec(id=str(uuid.uuid4()), direction=direction, uri=URI, path="/tmp/x", **how)
    system.finds(spec, status)
    return spec.id


def test_all_that_there_are_are_listed_page_by_page(system: FakeSystem) -> None:
    downloads = {left(system, Status.RUNNING) for _ in range(5)}
    grouped = left(system, Status.RUNNING, group="news of the day", behavior=BackgroundTransferBehavior.SERIALIZED)
    upload = left(system, Status.PAUSED_NO_NETWORK, "upload")
    found = BackgroundDownloader.get_current_downloads_async()
    assert {one.guid for one in found} == downloads | {grouped}
    assert {one.progress.status for one in found} == {Status.RUNNING}
    assert {one.guid for one in BackgroundDownloader.get_current_downloads_async("")} == downloads
    group = BackgroundTransferGroup.create_group("news of the day")
    (one,) = BackgroundDownloader.get_current_downloads_for_transfer_group_async(group)
    assert (one.guid, one.group) == (grouped, "news of the day")
    assert [one.guid for one in BackgroundUploader.get_current_uploads_async()] == [upload]


def test_they_are_listed_in_the_order_of_their_creation(system: FakeSystem) -> None:
    created = [download(f"/tmp/{number}").guid for number in range(20)]
    assert [one.guid for one in BackgroundDownloader.get_current_downloads_async()] == created
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in created} == {(8, uuid.RFC_4122)}


def test_one_that_ended_before_is_heard_of_at_once(system: FakeSystem) -> None:
    """Also while a call waits for others, whose number is behind its end."""
    ended = left(system, Status.COMPLETED)
    running = download()
    running.start_async()
    system.becomes(running.guid, Status.RUNNING)
    system.work()
    (found,) = [one for one in BackgroundDownloader.get_current_downloads_async() if one.guid == ended]
    future = found.attach_async()
    system.work()
    assert future.result(0) is found
    assert system.called(wire.AttachTransfers) == [wire.AttachTransfers((ended,))]
    assert system.forgotten == [ended]


def test_what_can_be_changed_is_the_systems_to_agree_to(system: FakeSystem) -> None:
    operation = download()
    operation.priority = BackgroundTransferPriority.HIGH
    operation.cost_policy = BackgroundTransferCostPolicy.UNRESTRICTED_ONLY
    operation.requested_uri = "http://192.0.2.2/moved"
    operation.pause()
    operation.resume()
    assert system.calls[1:] == [
        wire.SetTransferPriority(operation.guid, BackgroundTransferPriority.HIGH),
        wire.SetTransferCostPolicy(operation.guid, BackgroundTransferCostPolicy.UNRESTRICTED_ONLY),
        wire.SetTransferUri(operation.guid, "http://192.0.2.2/moved"),
        wire.PauseTransfer(operation.guid),
        wire.ResumeTransfer(operation.guid),
    ]
    system.refuses[wire.SetTransferPriority] = HResult.ILLEGAL_METHOD_CALL
    with pytest.raises(HostError):
        operation.priority = BackgroundTransferPriority.LOW
    assert operation.priority is BackgroundTransferPriority.HIGH


def test_what_has_come_can_be_read(system: FakeSystem, tmp_path: Path) -> None:
    operation = download(tmp_path / "episode.mp3")
    with pytest.raises(HostError, match="nothing has come"):
        operation.get_result_stream_at(0)
    part = tmp_path / "episode.mp3.part"
    part.write_bytes(b"0123456789")
    with operation.get_result_stream_at(4) as stream:
        assert stream.read() == b"456789"
    part.rename(tmp_path / "episode.mp3")
    with operation.get_result_stream_at(8) as stream:
        assert stream.read() == b"89"
    with pytest.raises(HostError):
        operation.get_result_stream_at(-1)


def test_the_answer_to_an_upload_outlasts_its_file(system: FakeSystem, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    upload = BackgroundUploader().create_upload(URI, "/tmp/x")
    future = upload.start_async()
    system.work()
    with pytest.raises(HostError, match="nothing has come"):
        upload.get_result_stream_at(0)
    system.becomes(upload.guid, Status.RUNNING, answer=str(answer))
    system.work()
    with pytest.raises(HostError, match="nothing has come"):
        upload.get_result_stream_at(0)
    answer.write_bytes(b"thanks")
    system.becomes(upload.guid, Status.COMPLETED)
    system.work()
    answer.unlink()
    for _ in range(2):
        with future.result(0).get_result_stream_at(2) as stream:
            assert stream.read() == b"anks"


def test_a_task_gets_the_operations_of_its_group(system: FakeSystem) -> None:
    good, bad, other = left(system, Status.COMPLETED), left(system, Status.ERROR), left(system, Status.COMPLETED)
    upload = left(system, Status.COMPLETED, "upload")
    details = BackgroundTransferCompletionGroupTriggerDetails((bad, good), (upload,))
    assert [one.progress.status for one in details.downloads] == [Status.ERROR, Status.COMPLETED]
    system.page = 1
    assert [one.guid for one in details.downloads] == [bad, good]
    assert [one.guid for one in details.uploads] == [upload]
    gone = str(uuid.uuid4())
    assert BackgroundTransferCompletionGroupTriggerDetails((gone,), ()).downloads == []
    assert [one.guid for one in BackgroundTransferCompletionGroupTriggerDetails((gone, good), ()).downloads] == [good]
    assert other not in {one.guid for one in details.downloads}
