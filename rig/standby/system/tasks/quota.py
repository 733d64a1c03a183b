"""Windows 8's quotas: how much processor time, and on battery how many bytes, the tasks of one app may use together.

Measured from what the kernel accounts to the processes that the tasks run in, while they run. Who has used up a quota is paused
until it is filled up again, on external power too (BGT-026); bytes count on battery alone (BGT-027). A run in a process of its
app that is in the foreground is that app's own affair. Channel and push tasks are critical: what they use is not counted,
nothing keeps them from running, and a process that runs one is not paused (BGT-028).
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.standby.system.app_process import AppProcess
from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.registration import Registration
from rig.standby.system.surroundings import HostSurroundings
from rig.standby.system.tasks.budget import Allowance, Budget
from rig.standby.system.tasks.instance import Instance
from rig.standby.system.tasks.instances import Instances
from rig.standby.wire.task_enums import BackgroundTaskThrottleCounter as What
from rig.standby.wire.triggers import ChannelKeepAlive, ChannelPush, RawPush

CRITICAL = (ChannelPush, ChannelKeepAlive, RawPush)
LOOK_S = 0.02
"""How often what runs is looked at: twice the tick that the kernel accounts in."""
MINUTES_A_DAY = 1440
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
WORDS = {What.CPU: "processor time", What.NETWORK: "bytes on battery"}


@dataclass
class _Seen:
    """What a process had used when it was looked at last."""

    cpu_s: float
    socket_bytes: dict[int, int] = field(default_factory=dict)


class Quotas:
    """`refilled`: what has waited may run. With the profile `win10` there are none."""

    def __init__(
        self,
        rules: StandbyConfig,
        clock: Clock,
        instances: Instances,
        processes: Processes,
        power: PowerState,
        surroundings: HostSurroundings,
        refilled: Callable[[], None],
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._instances = instances
        self._processes = processes
        self._power = power
        self._surroundings = surroundings
        self._refilled = refilled
        self._loop = asyncio.get_running_loop()
        self._budgets: dict[tuple[str, What], Budget] = {}
        self._seen: dict[int, _Seen] = {}
        self._paused: set[int] = set()
        """Processes, by instance."""
        self._counts: Counter[tuple[int, What]] = Counter()
        """How often each run was held up by which."""
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """A run is under way."""
        if self._rules.profile == "win8" and self._timer is None:
            self._look()

    def why_not(self, registration: Registration) -> str | None:
        """Why what has fired has to wait."""
        if self._rules.profile != "win8" or isinstance(registration.trigger, CRITICAL):
            return None
        what = self._exhausted(registration.package)
        if what is None:
            return None
        self._look_at(self._budget(registration.package, what).full_again_s)
        return f"its app's quota of {WORDS[what]} is used up"

    def held_up(self, instance: Instance, what: What) -> int:
        """How often."""
        return self._counts[instance.number, what]

    def forget(self, package: str) -> None:
        """It is gone: another one of its name begins with full quotas."""
        for what in What:
            self._budgets.pop((package, what), None)

    # -- looking -------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._timer = None
        runs: dict[int, list[Instance]] = {}
        for instance in self._instances:
            if instance.under_way and instance.host is not None:
                runs.setdefault(instance.host.instance, []).append(instance)
        self._seen = {number: self._charged(of_host) for number, of_host in runs.items()}
        self._paused &= set(runs)
        for of_host in runs.values():
            self._hold_up_or_let_go(of_host)
        self._refilled()
        known = {instance.number for instance in self._instances}
        self._counts = Counter({key: count for key, count in self._counts.items() if key[0] in known})
        if runs:
            self._look_at(self._loop.time() + LOOK_S)

    def _look_at(self, when_s: float) -> None:
        if self._timer is not None and self._timer.when() <= when_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when_s, self._look)

    def _charged(self, runs: list[Instance]) -> _Seen:
        """What the process has used by now; what came since the last look is charged, but for a critical run's process."""
        host = runs[0].host
        assert host is not None, "they are under way"
        now = _Seen(host.child.cpu_ticks() / TICKS_PER_S, host.child.socket_bytes() if self._on_battery else {})
        before = self._seen.get(host.instance, now)
        if not self._counts_for(host, runs):
            return now
        self._charge(host.name, What.CPU, now.cpu_s - before.cpu_s)
        moved = sum(count - before.socket_bytes.get(inode, 0) for inode, count in now.socket_bytes.items())
        if self._on_battery and host.instance in self._seen:
            self._charge(host.name, What.NETWORK, moved)
        return now

    def _counts_for(self, host: AppProcess, runs: list[Instance]) -> bool:
        in_use = not host.is_task_host and host.foreground and not self._power.in_standby
        return not in_use and not any(isinstance(run.registration.trigger, CRITICAL) for run in runs)

    def _hold_up_or_let_go(self, runs: list[Instance]) -> None:
        host = runs[0].host
        assert host is not None, "they are under way"
        what = self._exhausted(host.name) if self._counts_for(host, runs) else None
        if what is not None and host.instance not in self._paused:
            self._paused.add(host.instance)
            for run in runs:
                self._counts[run.number, what] += 1
                run.tell("TASK_PAUSED", reason=f"the quota of {WORDS[what]} is used up")
            host.pause()
        elif what is not None:
            host.pause()  # something has continued it meanwhile
        elif host.instance in self._paused:
            self._paused.discard(host.instance)
            for run in runs:
                run.tell("TASK_CONTINUED")
            self._processes.resume(host, "quota")

    # -- budgets -------------------------------------------------------------------------------------------------------

    @property
    def _on_battery(self) -> bool:
        return not self._surroundings.now.ac

    def _exhausted(self, package: str) -> What | None:
        now_s = self._loop.time()
        if self._budget(package, What.CPU).left(now_s) <= 0:
            return What.CPU
        if self._on_battery and self._budget(package, What.NETWORK).left(now_s) <= 0:
            return What.NETWORK
        return None

    def _charge(self, package: str, what: What, amount: float) -> None:
        self._budget(package, what).charge(max(0.0, amount), self._loop.time())

    def _budget(self, package: str, what: What) -> Budget:
        allowance = self._allowance(package, what)
        if (package, what) not in self._budgets:
            self._budgets[package, what] = Budget(allowance, self._loop.time())
        self._budgets[package, what].grant(allowance)
        return self._budgets[package, what]

    def _allowance(self, package: str, what: What) -> Allowance:
        rules, on_lock_screen = self._rules, package in self._surroundings.now.lock_screen
        if what is What.NETWORK:
            amount = rules.network_quota_lock_screen_kb if on_lock_screen else rules.network_quota_kb
            return Allowance(amount * 1000, self._clock.minutes_s(MINUTES_A_DAY))
        if on_lock_screen:
            return Allowance(rules.cpu_quota_lock_screen_s, self._clock.minutes_s(rules.cpu_quota_lock_screen_min))
        return Allowance(rules.cpu_quota_s, self._clock.minutes_s(rules.cpu_quota_min))
