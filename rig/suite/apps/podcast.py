"""Podcast: episodes come one after another, whether the app runs or not, and are put in their place when all are there.

The downloads are the system's (background transfers), in a serial group; a completion group's task puts them into the library in
a process of its own. A launch goes on with what the last one has left.
"""

from __future__ import annotations

from concurrent.futures import CancelledError

from rig.standby.api import App, BackgroundExecutionManager, BackgroundTaskBuilder, HostError
from rig.standby.api.transfers import (
    BackgroundDownloader,
    BackgroundTransferBehavior,
    BackgroundTransferCompletionGroup,
    BackgroundTransferCostPolicy,
    BackgroundTransferGroup,
    BackgroundTransferStatus,
    DownloadOperation,
    TransferFuture,
)
from rig.suite.apps.podcast_tasks import incoming, library

SORT = "rig.suite.apps.podcast_tasks.Sort"


class Podcast:
    """The system makes one in each process of the app."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._downloads: dict[str, TransferFuture[DownloadOperation]] = {}
        self._shown: dict[str, BackgroundTransferStatus] = {}
        for download in BackgroundDownloader.get_current_downloads_async():
            self._follow(download, download.attach_async())  # those that have ended too: else they stay for ever

    # -- what the user does --------------------------------------------------------------------------------------------

    def fetch(self, episodes: dict[str, str], *, even_if_it_costs: bool = False) -> bool:
        """Episodes by name, and where they are. False: the user has not allowed work in the background."""
        if not BackgroundExecutionManager.request_access().allowed:
            return False
        group = BackgroundTransferCompletionGroup()
        BackgroundTaskBuilder("sort", SORT, group.trigger).register()
        downloader = BackgroundDownloader(group)
        downloader.transfer_group = BackgroundTransferGroup.create_group("episodes")
        downloader.transfer_group.transfer_behavior = BackgroundTransferBehavior.SERIALIZED
        if not even_if_it_costs:
            downloader.cost_policy = BackgroundTransferCostPolicy.UNRESTRICTED_ONLY
        downloads = [downloader.create_download(uri, incoming() / name) for name, uri in episodes.items()]
        for download in downloads:
            self._follow(download, download.start_async())
        group.enable()  # last: from here on nothing is added, and the task runs when all have ended
        return True

    def pause(self, name: str) -> bool:
        """False: there is nothing to pause just now."""
        try:
            self._downloads[name].operation.pause()
        except (HostError, KeyError):
            return False
        return True

    def resume(self, name: str) -> None:
        self._downloads[name].operation.resume()

    def skip(self, name: str) -> bool:
        """False: it was there already."""
        return self._downloads[name].cancel()

    def progress(self) -> dict[str, tuple[int, int]]:
        """Bytes that have come, and of how many (0: not known yet), of those that are on their way."""
        waiting = {name: future.operation.progress for name, future in self._downloads.items() if not future.done()}
        return {name: (progress.bytes_received, progress.total_bytes_to_receive) for name, progress in waiting.items()}

    def preview(self, name: str) -> bytes:
        """To listen to the beginning before the rest is there."""
        with self._downloads[name].operation.get_result_stream_at(0) as stream:
            return stream.read()

    def episodes(self) -> list[str]:
        """In the library."""
        return sorted(path.name for path in library().iterdir())

    # -- what it hears -------------------------------------------------------------------------------------------------

    def _follow(self, download: DownloadOperation, future: TransferFuture[DownloadOperation]) -> None:
        name = download.result_file.name
        self._downloads[name] = future
        future.add_progress(self._progressed)
        future.add_done_callback(lambda _: self._over(name))

    def _progressed(self, download: DownloadOperation) -> None:
        """Some times a second while bytes flow; the user wants to know why none do."""
        name, status = download.result_file.name, download.progress.status
        if self._shown.get(name) is not status:
            self._shown[name] = status
            self.app.timeline.add("Episode", name=name, status=status.name)

    def _over(self, name: str) -> None:
        try:
            self._downloads[name].result()
            outcome = "there"
        except CancelledError:
            outcome = "skipped"
        except HostError as error:
            outcome = error.text
        self.app.timeline.add("Episode over", name=name, outcome=outcome)
