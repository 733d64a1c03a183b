"""Background transfers as an app has them: what it is refused at once, what it asks for, and what it finds."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from rig.standby.api import BackgroundTaskBuilder
from rig.standby.api.transfers import (
    BackgroundDownloader,
    BackgroundTransferBehavior,
    BackgroundTransferCompletionGroup,
    BackgroundTransferCompletionGroupTriggerDetails,
    BackgroundTransferContentPart,
    BackgroundTransferCostPolicy,
    BackgroundTransferGroup,
    BackgroundTransferPriority,
    BackgroundUploader,
    PasswordCredential,
)
from rig.standby.wire import app_transfers as wire
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_types import ContentPart
from tests.standby.fake_system_of_transfers import URI, FakeSystem, download, left, spec_of

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


# -- what others have left ---------------------------------------------------------------------------------------------


def test_all_that_there_are_are_listed_page_by_page(system: FakeSystem) -> None:
    downloads = {left(system, Status.RUNNING) for _ in range(5)}
    grouped = left(system, Status.RUNNING, group="news of the day", behavior=BackgroundTransferBehavior.SERIALIZED)
    upload = left(system, Status.PAUSED_NO_NETWORK, "upload")
    sent = left(system, Status.RUNNING, "upload", group="news of the day")
    found = BackgroundDownloader.get_current_downloads_async()
    assert {one.guid for one in found} == downloads | {grouped}
    assert {one.progress.status for one in found} == {Status.RUNNING}
    assert {one.guid for one in BackgroundDownloader.get_current_downloads_async("")} == downloads
    group = BackgroundTransferGroup.create_group("news of the day")
    (one,) = BackgroundDownloader.get_current_downloads_for_transfer_group_async(group)
    assert (one.guid, one.group) == (grouped, "news of the day")
    assert {one.guid for one in BackgroundUploader.get_current_uploads_async()} == {upload, sent}
    assert [one.guid for one in BackgroundUploader.get_current_uploads_for_transfer_group_async(group)] == [sent]


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
