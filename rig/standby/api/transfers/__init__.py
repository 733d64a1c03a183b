"""Background transfers: downloads and uploads that a process of the system does, and that outlive their app's (BTR).

    downloader = BackgroundDownloader()
    download = downloader.create_download("https://server.example/episode.mp3", ApplicationData.local_folder() / "episode.mp3")
    future = download.start_async()
    future.add_progress(lambda download: show(download.progress))
    future.result()         # the download; raises TransferError for one that failed

A process that is launched attaches to what processes before it have left, else that stays for ever (BTR-003):

    for download in BackgroundDownloader.get_current_downloads_async():
        download.attach_async()
"""

from rig.standby.api.transfers.completion_group import (
    BackgroundTransferCompletionGroup,
    BackgroundTransferCompletionGroupTriggerDetails,
)
from rig.standby.api.transfers.content_part import BackgroundTransferContentPart
from rig.standby.api.transfers.download import BackgroundDownloadProgress, DownloadOperation
from rig.standby.api.transfers.downloader import BackgroundDownloader
from rig.standby.api.transfers.errors import BackgroundTransferError, TransferError
from rig.standby.api.transfers.future import TransferFuture
from rig.standby.api.transfers.group import BackgroundTransferGroup
from rig.standby.api.transfers.upload import BackgroundUploadProgress, UploadOperation
from rig.standby.api.transfers.uploader import BackgroundUploader
from rig.standby.wire.transfer_enums import (
    BackgroundTransferBehavior,
    BackgroundTransferCostPolicy,
    BackgroundTransferPriority,
    BackgroundTransferStatus,
    WebErrorStatus,
)
from rig.standby.wire.transfer_types import PasswordCredential, ResponseInformation

__all__ = [
    "BackgroundDownloadProgress",
    "BackgroundDownloader",
    "BackgroundTransferBehavior",
    "BackgroundTransferCompletionGroup",
    "BackgroundTransferCompletionGroupTriggerDetails",
    "BackgroundTransferContentPart",
    "BackgroundTransferCostPolicy",
    "BackgroundTransferError",
    "BackgroundTransferGroup",
    "BackgroundTransferPriority",
    "BackgroundTransferStatus",
    "BackgroundUploadProgress",
    "BackgroundUploader",
    "DownloadOperation",
    "PasswordCredential",
    "ResponseInformation",
    "TransferError",
    "TransferFuture",
    "UploadOperation",
    "WebErrorStatus",
]
