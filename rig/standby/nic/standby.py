"""Connected standby: how the host falls asleep and wakes, with the device between it and the wire.

Entry, in two phases: prepare (the device captures, silent) - gate closed - every hardware channel's socket frozen and
read - slots refreshed - commit (what was captured goes through the matcher; the device speaks as the host).
Wake: event - host awake (the device falls silent, keeps buffering) - the host's port joins the bridge - sockets thawed -
the waking frame and those behind it put in at the host's port, in arrival order, each once - unicast steered to the host -
what came in between drained - released. Every step that fails puts everything back as it was.
Connections with payload keep-alives come back first, before any app runs: what the device sent and took for them is put
into their sockets (takeback.py). One whose state cannot be had is lost, and its app told so: bytes written to it would
take the place of those that the device has sent.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from rig.device.link import Link, Pending
from rig.device.numbers import ARM_ALL, GROUP_OFFLOAD, WRITE, Command, FrameFlag, OffloadRc, WakeReason
from rig.device.offload_types import Drain, Event, PowerReply, Release, SlotRef, TimeSync
from rig.errors import BenchError, DeviceError
from rig.net.gate import Gate
from rig.net.tcp_info import queued_bytes
from rig.standby.nic import handoff, takeback
from rig.standby.nic.driver import Nic
from rig.standby.nic.handoff import FrozenTcp
from rig.standby.system.channels import Channel
from rig.standby.system.loop import Loop, Timer
from rig.standby.system.power import PowerState
from rig.timeline import TimelineWriter

SETTLE_LATEST_S = 0.004
"""The device is released when the woken app's task has been ordered, or after this time: release is not what a wake waits for."""
ACK_WAIT_S = 0.05
"""How long entry waits for a peer to acknowledge what the host sent last."""


@dataclass(frozen=True)
class Woken:
    """What the rest of the host hears of a wake: the channel, None when it was no channel's frame."""

    reason: WakeReason
    channel: Channel | None
    frame: bytes = b""
    """The waking frame when the event brought it along."""


class ConnectedStandby:
    """`on_woken` runs as soon as the cause is known, before frames are back in; `on_settled` when the device is released;
    `on_lease_expired` when the device refuses to give back what it has freed; `on_lost` for a connection whose
    numbers nobody knows any more.

    While `settling`, the last frames are drained and the device is released on a thread of its own, so that the woken
    app's reads and tasks go on; nothing else may talk to the device or the gate then.
    """

    def __init__(self, link: Link, nic: Nic, gate: Gate, power: PowerState, loop: Loop, timeline: TimelineWriter) -> None:
        self.on_woken: Callable[[Woken], None] = lambda _woken: None
        self.on_settled: Callable[[], None] = lambda: None
        self.on_lease_expired: Callable[[], None] = lambda: None
        self.on_lost: Callable[[Channel], None] = lambda _channel: None
        self.settling = False
        self._link = link
        self._device = nic.client
        self._nic = nic
        self._gate = gate
        self._power = power
        self._loop = loop
        self._timeline = timeline
        self._frozen: list[tuple[Channel, FrozenTcp]] = []
        self._epoch = 0
        self._acked = 0
        self._wake_pending = False
        self._settle_timer: Timer | None = None
        self._settle_thread: threading.Thread | None = None

    def enter(self, channels: list[Channel], wake_timer_ms: int) -> bool:
        """One attempt to fall asleep; False when something is not idle, with everything as before. Raises BenchError."""
        live = [c for c in channels if c.hardware and c.push_enabled and c.sock is not None and not c.over]
        if not _quiet(live):
            return False
        self._nic.refresh_next_hops([c.nic for c in live if c.nic is not None])
        sync = self._device.time_sync(rounds=1)
        self._prepare(wake_timer_ms)
        try:
            self._cut_off()
            for channel in live:
                self._freeze(channel, sync)
            self._commit()
        except handoff.NotIdle as reason:
            self._timeline.add("SLEEP_REFUSED", reason=str(reason))
            self._undo()
            return False
        except BenchError:
            self._undo()
            raise
        self._power.fall_asleep(channels=len(live), epoch=self._epoch)
        return True

    def wake(self, cause: str, woken: Woken | None = None) -> None:
        """Take the identity back. The host is awake when this returns; `on_settled` follows."""
        self._take_identity(cause, woken, self._ask_for_silence())

    def _ask_for_silence(self) -> Pending | None:
        """Host awake, on its way; None when a refused commit has left the device silent already."""
        if self._wake_pending:
            return None
        return self._link.submit(WRITE, GROUP_OFFLOAD, Command.HOST_AWAKE, {"epoch": self._epoch})

    def _take_identity(self, cause: str, woken: Woken | None, awake: Pending | None) -> None:
        self._power.wake_up(cause)
        self.settling = True
        taking_back = awake is not None and any(channel.payload is not None for channel, _ in self._frozen)
        if woken is not None and not taking_back:
            self.on_woken(woken)
        try:
            captured = self._identity_back(awake)
        except DeviceError as error:
            if error.rc != OffloadRc.RESUME_REQUIRED:
                raise
            self.on_lease_expired()
            return
        self._wake_pending = False
        self._gate.join()
        if taking_back:
            self._take_back()
            if woken is not None:
                self.on_woken(woken)
        self._thaw()
        if captured == 1 and woken is not None and woken.frame:
            self._inject_frame(1, woken.frame, FrameFlag.WAKE)
        else:
            self._inject(self._device.drain(0))
        self._gate.steer_to_host()
        delay_s = SETTLE_LATEST_S if woken is not None and woken.channel is not None else 0
        self._settle_timer = self._loop.call_later(delay_s, self.settle_now)

    def settle_now(self) -> None:
        """The woken app has what it needs: drain the rest and release the device, beside the loop."""
        if self._settle_timer is not None:
            self._settle_timer.cancel()
            self._settle_timer = None
            self._settle_thread = threading.Thread(target=self._settle, name="settle", daemon=True)
            self._settle_thread.start()

    def finish_settling(self) -> None:
        """Returns when the device is released (a few milliseconds): it takes no new slot before."""
        self.settle_now()
        if self.settling and self._settle_thread is not None:
            self._settle_thread.join()

    def handle_event(self, event: Event, channel: Channel | None) -> None:
        """A wake event of the device, in the order of its number. The answer goes out before anything is written down."""
        asleep, reason = self._power.asleep, WakeReason(event.reason)
        awake = self._ask_for_silence() if asleep else None
        self._timeline.add(
            "NIC_WAKE",
            reason=reason.name,
            number=event.n,
            channel=channel.channel_id if channel else None,
            app=channel.app.name if channel else None,
            slot=event.slot,
            pattern_id=event.matched_pattern,
            original_bytes=event.original_bytes,
            saved_bytes=event.saved_bytes,
            device_us=event.t_wake_us - event.t_rx_us,
        )
        if asleep:
            self._take_identity(reason.name, Woken(reason, channel, event.frame), awake)

    def _identity_back(self, awake: Pending | None) -> int:
        """The device has fallen silent; returns how many frames it holds (0: unknown, as after a refused commit)."""
        if awake is None:
            return 0
        reply = PowerReply.of(awake.result())
        self._epoch = reply.epoch
        if reply.moved:
            self._follow_next_hops()
        return reply.captured

    def _follow_next_hops(self) -> None:
        """The device heard in the host's place where next hops have gone; the host's kernel must know before it sends."""
        moved = {slot.ref: slot.next_hop_mac for slot in self._device.slots() if slot.next_hop_moves}
        for channel, _ in self._frozen:
            entry = channel.nic
            if entry is None or SlotRef(entry.slot, entry.gen) not in moved:
                continue
            self._nic.follow(entry, moved[SlotRef(entry.slot, entry.gen)])
            self._timeline.add(
                "NEXT_HOP_MOVED",
                app=channel.app.name,
                channel=channel.channel_id,
                address=entry.next_hop_ip,
                mac=entry.next_hop_mac.hex(":"),
            )

    def _prepare(self, wake_timer_ms: int) -> None:
        if self._epoch == 0:
            self._epoch = self._device.status().epoch
        mac = self._nic.local_mac
        self._epoch = self._device.prepare(epoch=self._epoch, arm=ARM_ALL, mac=mac, wake_timer_ms=wake_timer_ms).epoch

    def _cut_off(self) -> None:
        """GATE_CLOSED has the time before: from then until SLEEP_ENTER nobody speaks for the host."""
        cut_ns = time.monotonic_ns()
        self._gate.close()
        self._timeline.add("GATE_CLOSED", t_ns=cut_ns)

    def _freeze(self, channel: Channel, sync: TimeSync) -> None:
        assert channel.sock is not None
        assert channel.nic is not None
        frozen = handoff.freeze(channel.sock)
        self._frozen.append((channel, frozen))
        ref = self._device.add_tcp_slot(self._nic.slot_of(channel.sock, channel.nic, frozen, sync, channel.payload))
        channel.nic.slot, channel.nic.gen = ref.slot, ref.gen
        detail = {"snd_nxt": frozen.snd_nxt, "rcv_nxt": frozen.rcv_nxt, "tsval": frozen.tsval, "slot": ref.slot}
        self._timeline.add("HANDOFF", app=channel.app.name, channel=channel.channel_id, **detail)

    def _commit(self) -> None:
        try:
            self._epoch = self._device.commit(self._epoch).epoch
        except DeviceError as error:
            if error.rc != OffloadRc.WAKE_PENDING:
                raise
            self._wake_pending = True
            self._epoch = self._device.status().epoch

    def _undo(self) -> None:
        self._thaw()
        self._gate.join()
        try:
            self._inject(self._device.drain(0))
        finally:
            self._gate.steer_to_host()
        self._epoch = self._device.abort(self._epoch).epoch
        self._acked = 0

    def _take_back(self) -> None:
        """The apps are still stopped, so nobody else reads; the device is silent, so its numbers are final."""
        lost = []
        for channel, frozen in self._frozen:
            if channel.payload is None or channel.sock is None or channel.nic is None:
                continue
            try:
                self._take_back_one(channel, frozen)
            except (BenchError, OSError, takeback.OutOfStep) as error:
                self._timeline.add("TAKE_BACK_FAILED", app=channel.app.name, channel=channel.channel_id, error=str(error))
                lost.append(channel)
        for channel in lost:
            self.on_lost(channel)

    def _take_back_one(self, channel: Channel, frozen: FrozenTcp) -> None:
        assert channel.payload is not None
        assert channel.sock is not None
        assert channel.nic is not None
        slot = self._device.get_tcp_slot(SlotRef(channel.nic.slot, channel.nic.gen))
        if slot.payloads_sent == 0:
            return
        sent, consumed = channel.payload.sent_bytes(slot), channel.payload.consumed_bytes(slot)
        takeback.take_back(channel.sock, frozen, slot, sent, consumed)
        macs = {"peer_mac": channel.nic.next_hop_mac, "host_mac": self._nic.local_mac}
        self._gate.inject(takeback.acknowledgement(channel.sock, frozen, slot, **macs))
        channel.payload.go_on(slot)
        detail = {name: getattr(slot, name) for name in ("snd_nxt", "snd_una", "rcv_nxt", "payloads_sent", "payloads_answered")}
        self._timeline.add("TAKE_BACK", app=channel.app.name, channel=channel.channel_id, **detail)

    def _thaw(self) -> None:
        for channel, _ in self._frozen:
            if channel.sock is not None:
                handoff.thaw(channel.sock)
        self._frozen.clear()

    def _inject(self, drained: Drain) -> None:
        for frame in drained.frames:
            self._inject_frame(frame.index, frame.data, frame.flags)
        if drained.lost:
            self._timeline.add("FRAMES_LOST", lost=drained.lost)

    def _inject_frame(self, index: int, data: bytes, flags: FrameFlag) -> None:
        self._gate.inject(data)
        self._acked = index
        self._timeline.add("REINJECT", index=index, bytes=len(data), flags=int(flags))

    def _settle(self) -> None:
        """Frames that came in while the first were put back; then nothing of ours is left on the device."""
        try:
            while (drained := self._device.drain(self._acked)).frames:
                self._inject(drained)
            released = self._device.release()
        except BenchError as error:
            self._timeline.add("SETTLE_FAILED", error=str(error))  # the device is gone or restarted: its next hello tells
            return
        self._loop.post(lambda: self._settled(released))

    def device_lost(self, reason: WakeReason) -> None:
        """The device restarted, or took the host for dead, and owns nothing: the host is on the network again, by itself."""
        if self._power.asleep:
            self._timeline.add("NIC_WAKE", reason=reason.name, channel=None, pattern_id=None)
            self._power.wake_up(reason.name)
        if self._settle_timer is not None:
            self._settle_timer.cancel()
            self._settle_timer = None
        self._gate.open()
        lost = [channel for channel, _ in self._frozen if channel.payload is not None]
        self._thaw()
        for channel in lost:
            self.on_lost(channel)
        self._epoch = self._acked = 0
        self._wake_pending = self.settling = False

    def _settled(self, released: Release) -> None:
        self._epoch = released.epoch
        self._acked = 0
        for slot in released.slots:
            names = {"state": slot.state.name, "close_reason": slot.close_reason.name}
            self._timeline.add("SLOT_RELEASED", **{**asdict(slot), **names})
        self.settling = False
        self.on_settled()


def _quiet(channels: list[Channel]) -> bool:
    """Nothing unread, and the peers have acknowledged what was sent; delayed ACKs of ours go out now."""
    for channel in channels:
        assert channel.sock is not None
        handoff.flush_acks(channel.sock)
        end_s = time.monotonic() + ACK_WAIT_S
        while _unacknowledged(channel.sock):
            if time.monotonic() > end_s:
                return False
            time.sleep(0.0005)
        if queued_bytes(channel.sock)[0]:
            return False
    return True


def _unacknowledged(sock: socket.socket) -> bool:
    return queued_bytes(sock)[1] > 0
