"""Flashing over the serial line: plan, upload, verify, test, restart, confirm.

A board is left with a bootable image at every step: the upload goes to the slot that does not run, the new image boots once
for a test, and only when it answers is it confirmed. Nothing is sent for an image that already runs, is damaged, or is for
another board. A lost or late reply costs one repetition: the device answers with the offset it wants, and that is obeyed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rig.clock import Deadline
from rig.device import mcumgr, signing_key
from rig.device.codes import GROUP_IMAGE, GROUP_OS
from rig.device.image import BUILT, Image, load
from rig.device.numbers import GROUP_OFFLOAD, READ, WRITE, Command
from rig.device.requests import RETRIES
from rig.errors import BenchError, DeviceError, UsageError

if TYPE_CHECKING:
    from rig.device.link import Link

PROBE_S = 0.2
SLOW_STEP_S = 3.0
"""First piece (some servers erase a whole slot) and last piece (hash and signature of everything)."""
PIECE_S = 1.0
MAX_STALLS = 5
"""Pieces in a row that bring nothing before the upload is given up."""


@dataclass(frozen=True)
class Progress:
    """How far an upload is."""

    sent_bytes: int
    total_bytes: int
    rate_bytes_s: float
    resumed_at: int
    """The offset the device began at: more than 0 when an earlier upload was cut off."""


@dataclass(frozen=True)
class Plan:
    """What flashing would do."""

    image: Image
    board: str
    """"" when the device runs no offload firmware, as in its boot loader."""
    running: mcumgr.SlotImage | None
    """None: nothing bootable, the boot loader answers."""
    upload_s: float
    """Time on the line; 0 where bytes are as fast as they go: a PTY, an emulator."""

    @property
    def identical(self) -> bool:
        return self.running is not None and self.running.digest == self.image.digest

    def __str__(self) -> str:
        now = f"{self.running.version} ({self.running.digest.hex()[:12]})" if self.running else "no image"
        new = f"{self.image.version} ({self.image.digest.hex()[:12]})"
        takes = f", about {self.upload_s:.0f} s" if self.upload_s else ""
        return f"{self.board or 'boot loader'}: {now} -> {new}, {len(self.image.data)} bytes{takes}"


@dataclass(frozen=True)
class FlashResult:
    """What was done."""

    skipped: bool
    """The image already ran; at most it was confirmed."""
    version: str
    digest: bytes
    uploaded_bytes: int = 0
    upload_s: float = 0.0
    resumed_at: int = 0


OnProgress = Callable[[Progress], None]


def flash(link: Link, image_path: Path, on_progress: OnProgress | None = None, *, force: bool = False) -> FlashResult:
    """Bring `image_path` onto the device and make it stay.

    Raises UsageError RIG-F01 (no image to flash) and RIG-B01 (for another board) before anything is written, RIG-F02 when
    the device refuses the image, RIG-F03 when the upload cannot be completed, RIG-F04 when the new image did not start.
    """
    return carry_out(link, make_plan(link, load(image_path)), on_progress, force=force)


def make_plan(link: Link, image: Image, known_board: str = "") -> Plan:
    """Ask the device what it is and runs. Writes nothing. Raises RIG-B01 for an image of another board.

    `known_board`: what the caller knows of a device that is in its boot loader and cannot tell.
    """
    board = board_name(link) or known_board
    if board and image.board and board != image.board:
        cause = f'this is board "{board}"; {image.path} is for "{image.board}". Nothing was written'
        raise UsageError("RIG-B01", cause, "give the image of this board, or another --port")
    running = next((row for row in mcumgr.image_list(link) if row.active), None)
    paced = not link.port.startswith(("/dev/pts/", "fd://"))
    return Plan(image, board, running, link.line_time_s(len(image.data) * 123 // 90) if paced else 0.0)


def carry_out(link: Link, plan: Plan, on_progress: OnProgress | None = None, *, force: bool = False) -> FlashResult:
    """As `flash`, with a plan in hand."""
    image = plan.image
    if plan.identical and not force:
        if signing_key.verifies(image) is False:
            raise UsageError("RIG-F01", f"{image.path} is no image to flash: its signature is damaged", BUILT)
        if plan.running is not None and not plan.running.confirmed:
            mcumgr.confirm(link)
        return FlashResult(True, image.version, image.digest)
    start_s = time.monotonic()
    resumed_at = _upload(link, image, on_progress or (lambda progress: None))
    upload_s = time.monotonic() - start_s
    if not plan.identical:  # the same image in both slots: there is nothing to test and change to
        _activate(link, image)
    return FlashResult(False, image.version, image.digest, len(image.data) - resumed_at, upload_s, resumed_at)


def board_name(link: Link) -> str:
    """The board by its own word; "" when no offload firmware runs."""
    try:
        return str(link.request(READ, GROUP_OFFLOAD, Command.HELLO, {})["board"])
    except DeviceError:
        return ""


# -- upload ------------------------------------------------------------------------------------------------------------


def _upload(link: Link, image: Image, on_progress: OnProgress) -> int:
    """Send what the device asks for until it has all. Returns the offset it began at."""
    total, sha256, message_bytes = len(image.data), image.upload_sha256, mcumgr.buffer_bytes(link)
    offset, best, stalls, resumed_at, start_s = 0, 0, 0, 0, time.monotonic()
    while True:
        size = mcumgr.piece_bytes(message_bytes, total, sha256, offset)
        reply = _send_piece(link, image, offset, size)
        wanted = reply.get("off")
        if not isinstance(wanted, int) or not 0 <= wanted <= total:
            raise BenchError("RIG-F03", f"the device asks for byte {wanted} of an image of {total}", "reset it, then repeat")
        if offset == 0 and wanted > size:
            resumed_at = wanted
        offset, stalls = wanted, 0 if wanted > best else stalls + 1
        best = max(best, wanted)
        on_progress(Progress(offset, total, (offset - resumed_at) / (time.monotonic() - start_s), resumed_at))
        if offset == total:
            return _accepted(reply, resumed_at)
        if stalls > MAX_STALLS:
            cause = f"the upload does not get beyond {best * 100 // total} %: the device keeps asking for byte {offset}"
            raise BenchError("RIG-F03", cause, "repeat: it resumes where it stopped")


def _send_piece(link: Link, image: Image, offset: int, size_bytes: int) -> dict[str, object]:
    data = image.data[offset : offset + size_bytes]
    body: dict[str, object] = {"off": offset, "data": data}
    if offset == 0:
        body = mcumgr.first_piece(len(image.data), image.upload_sha256, data)
    slow = offset == 0 or offset + len(data) == len(image.data)
    try:
        return link.request(WRITE, GROUP_IMAGE, mcumgr.UPLOAD, body, timeout_s=SLOW_STEP_S if slow else PIECE_S)
    except DeviceError as error:
        raise _refused(link, image, error) from error
    except BenchError as error:
        if error.code != "RIG-B03":
            raise
        cause = f"the upload was cut off at {offset * 100 // len(image.data)} %: {error.cause}"
        raise BenchError("RIG-F03", cause, "repeat: it resumes where it stopped") from error


def _accepted(reply: dict[str, object], resumed_at: int) -> int:
    if reply.get("match") is False:
        raise BenchError("RIG-F03", "the device received the image damaged: its SHA-256 differs", "repeat the flashing")
    return resumed_at


def _refused(link: Link, image: Image, error: DeviceError) -> BenchError:
    """The device's log line says why; the code alone says little."""
    if error.group not in (GROUP_IMAGE, GROUP_OS):
        return error
    if error.name in ("EBUSY", "BUSY"):
        return BenchError("RIG-F05", "the device is in standby and takes no image now", "end the run that uses it")
    said = f'; it says "{link.heard[-1]}"' if link.heard else ""
    signer = f"signed with key {image.key_hash.hex()[:8]}" if image.signed else "not signed"
    cause = f"the device refused {image.path} ({signer}): {error.name}{said}"
    return BenchError("RIG-F02", cause, "`make firmware` builds images that this boot loader takes: its board, its key")


# -- test, restart, confirm --------------------------------------------------------------------------------------------


def _activate(link: Link, image: Image) -> None:
    try:
        mcumgr.mark_for_test(link, image.digest)
    except DeviceError as error:
        raise _refused(link, image, error) from error
    before = _boot_id(link, retries=RETRIES)
    mcumgr.reset(link)
    running = _wait_for_boot(link, image, before)
    if running is None or running.digest != image.digest:
        now = f"it runs {running.version} again" if running else "nothing bootable is left, the boot loader answers"
        raise BenchError("RIG-F04", f"{image.version} was not started or did not stay: {now}{_last_words(link)}", "rig monitor")
    mcumgr.confirm(link)


def _boot_id(link: Link, *, retries: int = 0) -> int | None:
    """Changes at every boot; None from a boot loader, another SMP server, or nobody."""
    try:
        reply = link.request(READ, GROUP_OFFLOAD, Command.HELLO, {}, timeout_s=PROBE_S, retries=retries)
    except BenchError:
        return None
    boot_id = reply.get("boot_id")
    return boot_id if isinstance(boot_id, int) else None


def _wait_for_boot(link: Link, image: Image, before: int | None) -> mcumgr.SlotImage | None:
    """What runs after the restart; None: only a boot loader answers.

    The old program may answer for a moment. A boot_id tells old and new apart; where there is none, only the digest does.
    """
    deadline = Deadline(mcumgr.BOOT_S)
    last: mcumgr.SlotImage | None = None
    answered = False
    while not deadline.expired:
        try:
            if before is not None and _boot_id(link) in (None, before):
                time.sleep(PROBE_S / 10)
                continue
            last = next((row for row in mcumgr.image_list(link) if row.active), None)
        except BenchError:
            continue
        answered = True
        if last is not None and (before is not None or last.digest == image.digest):
            return last
        time.sleep(PROBE_S / 10)
    if answered:
        return last
    cause = f"{image.version} did not answer within {mcumgr.BOOT_S:.0f} s of its first start{_last_words(link)}"
    raise BenchError("RIG-F04", cause, "cut its power: the former image comes back by itself")


def _last_words(link: Link) -> str:
    return f'; last line of its log: "{link.heard[-1]}"' if link.heard else ""
