"""The push client: one connection to the push service, made again whenever it is lost, as long as there is a service.

Between attempts it waits, longer each time; not when the network has changed, or an app asks for a channel. In standby an attempt
wakes the host: without a connection nothing else would.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable

from rig.errors import RigError
from rig.push_line import FRAME_BYTES, Message, Notify, Power
from rig.standby.system.background import Background
from rig.standby.system.governor import Governor
from rig.standby.system.network import HostNetwork
from rig.standby.system.power import PowerState, Screen
from rig.standby.system.push.dialogue import Answer, Dialogue
from rig.standby.system.push.offload import PushOffload
from rig.standby.system.push.state import LABEL, PUSH, PushState
from rig.standby.system.situation import HostSituation, Situation
from rig.standby.system.sleep_cycle import SleepCycle
from rig.standby.system.supervising import Supervising
from rig.standby.wire.hresult import HostError, HResult
from rig.timeline import TimelineWriter

CONNECT_S = 10.0
"""Real time for a connection, and for the service to say Welcome on it."""
REQUEST_S = 8.0
"""Real time for what an app asks of the service, with a connection that has to be made: the app gives up its call after ten."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
"""Real time between attempts: twice as long after each; at once after a connection that was good for a while."""
LONGEST_AWAKE_S = 8.0
"""The same while the user is there, whom it costs nothing: a line that broke a few times leaves no minute without push."""
DOUBLINGS = 16
"""More than there are from the one to the other: a service may be away for days."""
GOOD_S = 10.0
LEAST_PROBE_S = 5.0
"""Real time between two probes, however short a minute is."""
EXEMPT_APPS, EXEMPT_BYTES = 200, FRAME_BYTES // 2
"""That the service hears of (rig/push_line.py): as many, or the first whose names fill so much; a frame has to hold them."""


class PushClient:
    def __init__(
        self,
        state: PushState,
        offload: PushOffload,
        network: HostNetwork,
        supervisor: Supervising,
        sleep: SleepCycle,
        governor: Governor,
        power: PowerState,
        situation: HostSituation,
        background: Background,
        timeline: TimelineWriter,
        *,
        probe_each_s: float,
        came: Callable[[Notify], None],
        written: Callable[[], None],
    ) -> None:
        """`probe_each_s`: between two looks, while the host is awake, whether the service is still there. `came`: a notification,
        once; `written` returns when all that has changed is written down."""
        self._state = state
        self._offload = offload
        self._network = network
        self._supervisor = supervisor
        self._sleep = sleep
        self._governor = governor
        self._power = power
        self._situation = situation
        self._background = background
        self._timeline = timeline
        self._came = came
        self._written = written
        self._loop = asyncio.get_running_loop()
        self._dialogue: Dialogue | None = None
        self._attempt: asyncio.Future[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._failures = 0
        self._has_network = False
        self._was_deaf = False
        """The host sleeps, or tries to, and the device has no place for the connection."""
        self._in_standby = power.in_standby
        self._stopped = False
        self._probe_each_s = max(probe_each_s, LEAST_PROBE_S)
        self._probe: asyncio.TimerHandle | None = None
        power.subscribe(self._power_changed)
        situation.subscribe(self._situation_changed)

    # -- from the bench and from apps ----------------------------------------------------------------------------------

    async def use(self, address: str, port: int) -> bool:
        """The service from now on; "": none. Whether the line is there already."""
        if (address, port) == (self._state.address, self._state.port):
            self.connect_now()
            return self._state.connected
        with self._governor.hold(LABEL, "it takes its leave of the push service"):
            with contextlib.suppress(RigError):  # the one before misses it later, then
                await self._sleep.wake("push_service")
            self._change_to(address, port)
        return False

    def _change_to(self, address: str, port: int) -> None:
        self._leave()
        self._state.address, self._state.port = address, port
        self._state.service, self._state.last = "", 0
        self._failures = 0
        self.connect_now()

    async def ask(self, make: Callable[[int], Message]) -> Answer:
        """Of an app, which keeps the host awake for it. Raises HostError FAIL without connectivity (RAW-015)."""
        try:
            await self._sleep.wake("push_request")  # it may be falling asleep
        except RigError as error:
            raise HostError(HResult.FAIL, f"no connectivity: the host could not be woken: {error}") from error
        try:
            async with asyncio.timeout(REQUEST_S):
                return await (await self._connected()).ask(make)
        except TimeoutError:
            raise HostError(HResult.FAIL, f"the push service does not answer within {REQUEST_S:.0f} s") from None

    def tell_gone(self, app: str) -> None:
        """It is uninstalled; the service hears of it now or later."""
        if self._state.address:
            self._state.gone = (*(known for known in self._state.gone if known != app), app)
            if self._dialogue is not None and self._dialogue.welcomed.done() and self._has_network:
                self._dialogue.tell_gone(app)

    async def _connected(self) -> Dialogue:
        if not self._state.address:
            raise HostError(HResult.FAIL, "the host has no push service")
        if not self._situation.now.internet_available:
            raise HostError(HResult.FAIL, "no connectivity: the push service cannot be reached")
        if not self._state.connected:
            self.connect_now()
            if self._attempt is not None:
                await asyncio.shield(self._attempt)
        if self._dialogue is None or not self._state.connected:
            raise HostError(HResult.FAIL, "the push service cannot be reached")
        return self._dialogue

    # -- the connection ------------------------------------------------------------------------------------------------

    def connect_now(self) -> None:
        """Unless it is, or an attempt is under way."""
        self._no_retry()
        wanted = self._state.address and self._power.screen is not Screen.SHUTDOWN and not self._stopped
        if wanted and self._dialogue is None and self._attempt is None:
            self._attempt = self._loop.create_future()
            self._background.start("the connection to the push service", self._try(self._attempt))

    async def _try(self, attempt: asyncio.Future[None]) -> None:
        """What fails is tried again later."""
        try:
            with self._governor.hold(LABEL, "it connects"):
                await self._sleep.wake("push_reconnect")
                if not self._network.now().connected:
                    raise OSError("the host has no network")
                await self._connect(self._state.address, self._state.port)
        except (OSError, RigError, HostError) as error:
            self._lose(str(error) or "it took too long")
        except Exception:
            self._lose("the host has a fault")
            raise
        finally:
            self._attempt = None
            attempt.set_result(None)
            if self._dialogue is None:
                self._failures += 1
                self._try_later()

    async def _connect(self, address: str, port: int) -> None:
        """Raises what the driver, the kernel or time does."""
        await self._offload.give_back()
        async with asyncio.timeout(CONNECT_S):
            sock = await self._network.connect(address, port)
        if (address, port) != (self._state.address, self._state.port):
            sock.close()
            raise OSError("there is another service now")
        dialogue = self._dialogue = self._speak_on(sock)
        dialogue.hello(self._power_now())
        dialogue.line.listen()
        async with asyncio.timeout(CONNECT_S):
            await dialogue.welcomed
        self._check_still_up(dialogue)
        await self._supervisor.put(PUSH, dialogue.line.fileno())
        self._check_still_up(dialogue)
        self._state.connected = True
        self._timeline.add("PUSH_CONNECTED", address=address, port=port, acknowledged=self._state.last)
        dialogue.tell_power(self._power_now())
        self._probe_later()
        await self.reserve()

    def _check_still_up(self, dialogue: Dialogue) -> None:
        """Raises OSError where the connection was lost while something was waited for: its descriptor may be closed."""
        if self._dialogue is not dialogue:
            raise OSError("it was lost at once")

    async def reserve(self) -> None:
        """A place in the device for the connection, if it is good."""
        if self.fd is not None:
            refusal = await self._offload.reserve(self.fd)
            if refusal is not None and refusal.over:
                self.lose(str(refusal.error))

    def _probe_later(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
        self._probe = self._loop.call_later(self._probe_each_s, self._probe_now)

    def _probe_now(self) -> None:
        """While the host sleeps the device does it, with nothing to do for one that is awake in standby; one that is lost has its
        own end."""
        self._probe = None
        if self._dialogue is None:
            return
        if self._has_network and self._state.connected:
            self._dialogue.probe("is the push service still there?")
        self._probe_later()

    def _speak_on(self, sock: socket.socket) -> Dialogue:
        return Dialogue(
            sock, self._state, self._governor, self._timeline, came=self._came, written=self._written, over=self._over
        )

    def lose(self, why: str) -> None:
        """The device, or whoever else knows, says that the connection is of no use."""
        if self._dialogue is not None:
            self._dialogue.line.end(why)

    def _over(self, dialogue: Dialogue, why: str) -> None:
        if dialogue is not self._dialogue:
            return
        self._lose(why)
        if self._attempt is None:  # else that is what fails
            was_good = self._loop.time() - dialogue.since_s > GOOD_S
            self._failures = 0 if was_good else self._failures + 1
            self._try_later()

    def _lose(self, why: str) -> None:
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            dialogue.close()
        self._supervisor.remove(PUSH)
        if self._state.connected:
            self._state.connected = False
            self._timeline.add("PUSH_LOST", address=self._state.address, port=self._state.port, error=why)

    def _leave(self) -> None:
        """On purpose."""
        self._no_retry()
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            dialogue.close(on_purpose=self._has_network)
            self._supervisor.remove(PUSH)
            self._state.connected = False
            self._background.start("giving back of the push client's place", self._give_back())

    async def _give_back(self) -> None:
        """A device that is not to be had is asked again before the next connection, or sleep."""
        with contextlib.suppress(RigError), self._governor.hold(LABEL, "the device is to forget it"):
            await self._offload.give_back()

    def _try_later(self) -> None:
        self._no_retry()
        if self._stopped:
            return
        longest_s = LONGEST_WAIT_S if self._power.in_standby else LONGEST_AWAKE_S
        wait_s = min(FIRST_WAIT_S * 2 ** (min(self._failures, DOUBLINGS) - 1), longest_s) if self._failures else 0.0
        self._retry = self._loop.call_later(wait_s, self.connect_now)

    def _no_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    # -- what happens around it ----------------------------------------------------------------------------------------

    def network_goes(self) -> None:
        self._has_network = False
        self._was_deaf = self._offload.key is None
        if self._dialogue is not None:
            self._dialogue.line.pause()

    def network_is_back(self) -> None:
        self._has_network = self._power.awake
        if not self._has_network:
            return
        if self._dialogue is not None:
            self._dialogue.line.listen()
            self._dialogue.tell_power(self._power_now())
            if self._was_deaf and self._state.connected:  # nobody has acknowledged what the service may have said
                self._dialogue.probe("has the push service given up a host that slept?")
            self._was_deaf = False
        elif self._retry is None:  # also of a system that is a new one
            self.connect_now()

    def _power_changed(self) -> None:
        """The user who comes back does not wait for the next attempt of a host in standby."""
        came_back = self._in_standby and not self._power.in_standby
        self._in_standby = self._power.in_standby
        if self._power.screen is Screen.SHUTDOWN:
            self._leave()
        elif came_back and self._dialogue is None:
            self._failures = 0
            self.connect_now()
        else:
            self._tell_power()

    def _tell_power(self) -> None:
        if self._dialogue is not None and self._has_network:
            self._dialogue.tell_power(self._power_now())

    def _power_now(self) -> Power:
        around = self._situation.now.surroundings
        screen_on = self._power.screen is Screen.ACTIVE
        return Power(screen_on, around.ac, around.energy_saver_on, _that_fit(around.energy_saver_exempt[:EXEMPT_APPS]))

    def _situation_changed(self, before: Situation, after: Situation) -> None:
        """The service is told also while the host sleeps: it would keep back what may come now."""
        if before.network != after.network:
            self._network_changed(after)
        if self._dialogue is not None and not self._dialogue.knows(self._power_now()):
            if self._has_network:
                self._tell_power()
            else:
                self._background.start("the power state, to the push service", self._wake_to_tell())

    async def _wake_to_tell(self) -> None:
        with contextlib.suppress(RigError), self._governor.hold(LABEL, "the push service is to know of the power state"):
            await self._sleep.wake("push_power")

    def _network_changed(self, now: Situation) -> None:
        if not now.network.connected:
            return
        self._failures = 0
        if self._dialogue is None:
            self.connect_now()
        elif self._dialogue.line.local_address not in now.network.addresses:
            self.lose("the host has another address")
        elif self._has_network:
            self._dialogue.probe("is the push service still there?")

    # -- after a restart -----------------------------------------------------------------------------------------------

    def take_up(self, fd: int | None) -> None:
        """One on which nobody had said Welcome, as far as is written down, is begun anew."""
        if fd is not None and self._state.connected:
            self._dialogue = self._speak_on(socket.socket(fileno=fd))
            self._dialogue.was_welcomed()
            self._probe_later()
            return
        if fd is not None:
            socket.socket(fileno=fd).close()
            self._supervisor.remove(PUSH)
        self._state.connected = False

    @property
    def socket_fd(self) -> int | None:
        """Of a connection, good or not."""
        return self._dialogue.line.fileno() if self._dialogue is not None else None

    @property
    def fd(self) -> int | None:
        """Of the connection, while it is good."""
        return self._dialogue.line.fileno() if self._dialogue is not None and self._state.connected else None

    def stop(self) -> None:
        """The system ends."""
        self._stopped = True
        self._no_retry()
        if self._probe is not None:
            self._probe.cancel()
        if self._dialogue is not None:
            self._dialogue.line.pause()


def _that_fit(names: tuple[str, ...]) -> tuple[str, ...]:
    filled = itertools.accumulate(len(name.encode()) for name in names)
    return tuple(name for name, bytes_so_far in zip(names, filled, strict=True) if bytes_so_far <= EXEMPT_BYTES)
