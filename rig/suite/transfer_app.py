"""An app of background transfers. Its public methods are what tests call; an operation is called by the name of its file, one of
parts by the last word of its path.

What it hears is on the timeline: `transfer-told` for each new status of an operation, `transfer-over` when its future is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError
from pathlib import Path, PurePath
from typing import Any, TypeAlias

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    BackgroundTaskRegistration,
)
from rig.standby.api.transfers import (
    BackgroundDownloader,
    BackgroundTransferBehavior,
    BackgroundTransferCompletionGroup,
    BackgroundTransferContentPart,
    BackgroundTransferCostPolicy,
    BackgroundTransferError,
    BackgroundTransferGroup,
    BackgroundTransferPriority,
    BackgroundUploader,
    DownloadOperation,
    PasswordCredential,
    TransferError,
    TransferFuture,
    UploadOperation,
)

Operation: TypeAlias = DownloadOperation | UploadOperation
COMPLETED = "TransferApp.Completed"


class TransferApp:
    """`attach`: an app that does at launch what every one should (BTR-003); a test may want to see what happens without."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.operations: dict[str, Operation] = {}
        self.futures: dict[str, TransferFuture[Any]] = {}
        self.groups: dict[str, BackgroundTransferCompletionGroup] = {}
        self._told: dict[str, tuple[str, bool]] = {}
        app.entry_points[COMPLETED] = self._completed

    # -- what is created and started -----------------------------------------------------------------------------------

    def download(self, uri: str, path: str, start: bool = True, **how: Any) -> str:
        """Its guid. `how`: see `_set_up`; `priority`: of the operation."""
        priority = how.pop("priority", "")
        operation = self._set_up(BackgroundDownloader(self._group(how)), **how).create_download(uri, path)
        return self._created(operation, PurePath(path).name, start, priority)

    def upload(self, uri: str, path: str, start: bool = True, **how: Any) -> str:
        operation = self._set_up(BackgroundUploader(self._group(how)), **how).create_upload(uri, path)
        return self._created(operation, PurePath(path).name, start, "")

    def upload_parts(
        self, uri: str, parts: list[dict[str, Any]], subtype: str = "form-data", boundary: str = "", **how: Any
    ) -> str:
        """`parts`: name, file_name, text or path, headers."""
        uploader = self._set_up(BackgroundUploader(self._group(how)), **how)
        operation = uploader.create_upload_from_parts(uri, [_part(**part) for part in parts], subtype, boundary)
        return self._created(operation, uri.rpartition("/")[2], True, "")

    def start(self, name: str) -> None:
        self._follow(name, self.operations[name].start_async())

    def start_all(self, names: list[str]) -> None:
        for name in names:
            self.start(name)

    def attach(self, name: str = "") -> list[str]:
        """To all that there are, or that one; their names."""
        wanted = {_name(one): one for one in _current() if name in ("", _name(one))}
        for known, operation in wanted.items():
            self.operations[known] = operation
            self._follow(known, operation.attach_async())
        return sorted(wanted)

    # -- what is done with it ------------------------------------------------------------------------------------------

    def pause(self, name: str) -> None:
        self.operations[name].pause()

    def resume(self, name: str) -> None:
        self.operations[name].resume()

    def cancel(self, name: str) -> bool:
        return self.futures[name].cancel()

    def set(self, name: str, **what: Any) -> None:
        """priority or cost_policy, by name; requested_uri."""
        for key, value in what.items():
            kinds: dict[str, Any] = {"priority": BackgroundTransferPriority, "cost_policy": BackgroundTransferCostPolicy}
            setattr(self.operations[name], key, kinds[key][value] if key in kinds else value)

    def enable(self, completion_group: str) -> None:
        self.groups[completion_group].enable()

    def register(self, completion_group: str, entry_point: str = COMPLETED, name: str = "") -> None:
        """The task of that group, which is made by it."""
        BackgroundExecutionManager.request_access()
        trigger = self._group({"completion_group": completion_group}).trigger  # type: ignore[union-attr]
        BackgroundTaskBuilder(name or completion_group, entry_point, trigger).register()

    # -- what a test wants to know -------------------------------------------------------------------------------------

    def listed(self) -> dict[str, dict[str, Any]]:
        """All that the system has of the app, by name."""
        return {_name(one): _described(one) for one in _current()}

    def of_group(self, name: str) -> list[str]:
        group = BackgroundTransferGroup.create_group(name)
        return sorted(_name(one) for one in BackgroundDownloader.get_current_downloads_for_transfer_group_async(group))

    def one_group(self, name: str) -> bool:
        """Whether the same name is the same group."""
        return BackgroundTransferGroup.create_group(name) is BackgroundTransferGroup.create_group(name)

    def state(self, name: str) -> dict[str, Any]:
        """As this process knows it."""
        return _described(self.operations[name])

    def read(self, name: str, position: int = 0) -> bytes:
        """What has come of a download, or of the answer to an upload, from there on."""
        with self.operations[name].get_result_stream_at(position) as stream:
            return stream.read()

    def response(self, name: str) -> dict[str, Any] | None:
        told = self.operations[name].get_response_information()
        if told is None:
            return None
        return {"uri": told.actual_uri, "status": told.status_code, "headers": told.headers, "is_resumable": told.is_resumable}

    def tasks(self) -> list[str]:
        return sorted(task.name for task in BackgroundTaskRegistration.all_tasks().values())

    # -- the app itself ------------------------------------------------------------------------------------------------

    def _group(self, how: dict[str, Any]) -> BackgroundTransferCompletionGroup | None:
        name = how.pop("completion_group", "")
        return self.groups.setdefault(name, BackgroundTransferCompletionGroup()) if name else None

    def _set_up(self, requests: Any, **how: Any) -> Any:
        """`headers` as pairs, `server` and `proxy` as user and password, `group` with `serial`, `cost_policy` by name, `verb`:
        its method."""
        for name, value in how.pop("headers", ()):
            requests.set_request_header(name, value)
        for key in ("server", "proxy"):
            if key in how:
                setattr(requests, f"{key}_credential", PasswordCredential(*how.pop(key)))
        if "group" in how:
            requests.transfer_group = BackgroundTransferGroup.create_group(how.pop("group"))
            requests.transfer_group.transfer_behavior = BackgroundTransferBehavior(int(how.pop("serial", False)))
        if "cost_policy" in how:
            requests.cost_policy = BackgroundTransferCostPolicy[how.pop("cost_policy")]
        requests.method = how.pop("verb", "")
        assert not how, f"unknown: {how}"
        return requests

    def _created(self, operation: Operation, name: str, start: bool, priority: str) -> str:
        self.operations[name] = operation
        if priority:
            operation.priority = BackgroundTransferPriority[priority]
        if start:
            self.start(name)
        return operation.guid

    def _follow(self, name: str, future: TransferFuture[Any]) -> None:
        self.futures[name] = future
        future.add_progress(lambda operation: self._progressed(name, operation))
        future.add_done_callback(lambda done: self._over(name, done))

    def _progressed(self, name: str, operation: Operation) -> None:
        """Bytes are told so often that a timeline would be full of them."""
        progress = operation.progress
        told = progress.status.name, progress.has_restarted
        if self._told.get(name) != told:
            self._told[name] = told
            self.app.timeline.add("transfer-told", name=name, status=told[0], restarted=told[1], received=progress.bytes_received)

    def _over(self, name: str, future: Any) -> None:
        code, web, outcome = 0, 0, "COMPLETED"
        try:
            future.result()
        except CancelledError:
            outcome = "CANCELED"
        except TransferError as error:
            code, web, outcome = error.code, int(BackgroundTransferError.get_status(error)), str(error)
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        self.app.timeline.add("transfer-over", name=name, outcome=outcome, code=code, web_error=web, instance=self.app.instance)

    def _completed(self, instance: BackgroundTaskInstance) -> None:
        """The task of a completion group: what it is told has ended."""
        self.app.timeline.add("transfer-group-over", task=instance.task.name, states=ended_states(instance))


def ended_states(instance: BackgroundTaskInstance) -> dict[str, str]:
    """Of a completion group's task: which operations have ended, by name, and how."""
    ended = [*instance.trigger_details.downloads, *instance.trigger_details.uploads]
    return {_name(one): one.progress.status.name for one in ended}


def _current() -> list[Operation]:
    return [*BackgroundDownloader.get_current_downloads_async(), *BackgroundUploader.get_current_uploads_async()]


def _name(operation: Operation) -> str:
    file = operation.result_file if isinstance(operation, DownloadOperation) else operation.source_file
    return file.name if file is not None else operation.requested_uri.rpartition("/")[2]


def _described(operation: Operation) -> dict[str, Any]:
    progress = operation.progress
    how = {"status": progress.status.name, "received": progress.bytes_received, "restarted": progress.has_restarted}
    how |= {"guid": operation.guid, "total": progress.total_bytes_to_receive, "group": operation.group}
    if not isinstance(operation, DownloadOperation):
        how["sent"] = operation.progress.bytes_sent
    return how


def _part(
    name: str = "", file_name: str = "", text: str = "", path: str = "", headers: Sequence[tuple[str, str]] = ()
) -> BackgroundTransferContentPart:
    part = BackgroundTransferContentPart(name, file_name)
    for key, value in headers:
        part.set_header(key, value)
    if path:
        part.set_file(Path(path))
    else:
        part.set_text(text)
    return part
