"""What is left of the system's store when the machine has lost its power and starts again.

All processes have ended, and with them what was theirs: control channels, their slots and tasks, runs under way. What the user
has installed, allowed and turned is there, and so are registrations and what waits for a condition.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from rig.decoders import decoded
from rig.standby.system.app_process import APPS, SavedApp
from rig.standby.system.channels.channel import CHANNELS
from rig.standby.system.channels.resets import resets_of_restart, without_untold_exits
from rig.standby.system.ledger import HOST, SavedHost
from rig.standby.system.package import PACKAGES, SavedPackage
from rig.standby.system.sockets.brokered import SOCKETS
from rig.standby.system.store import Name, Store, saved_of
from rig.standby.system.tasks.delivery import COMPLETIONS
from rig.standby.system.tasks.instance import INSTANCES, SavedInstance
from rig.standby.wire.triggers import SocketActivity

ENDED = frozenset({APPS, CHANNELS, COMPLETIONS, SOCKETS})
"""Kinds of what belonged to a process."""


def lose_what_ended(store: Store, machine_start: int) -> None:
    """To be called by each system before it takes up anything; the first one since the machine started finds work."""
    if store.machine_start != machine_start:
        store.begin_machine(machine_start, left_of(store.things()))


def left_of(things: Mapping[Name, bytes]) -> dict[Name, bytes]:
    left = {name: value for name, value in things.items() if name[0] not in ENDED}
    if HOST in left:
        before = decoded(SavedHost, left[HOST])
        left[HOST] = msgspec.msgpack.encode(SavedHost(numbers=before.numbers))
    for number in (*_ordered(things), *_of_connections(things)):
        left.pop((INSTANCES, str(number)), None)
    left = without_untold_exits(left) | resets_of_restart(things)
    for package in saved_of(things, PACKAGES, SavedPackage):
        kept = {id_: task for id_, task in package.registrations.items() if task.channel_id is None}
        left[PACKAGES, package.name] = msgspec.msgpack.encode(msgspec.structs.replace(package, registrations=kept))
    return left


def _of_connections(things: Mapping[Name, bytes]) -> list[int]:
    """Numbers of those that wait for something, and whose channel or socket is gone."""
    return [
        saved.number
        for saved in saved_of(things, INSTANCES, SavedInstance)
        if saved.registration.channel_id is not None or isinstance(saved.registration.trigger, SocketActivity)
    ]


def _ordered(things: Mapping[Name, bytes]) -> list[int]:
    """Numbers of the runs that a process had been told to do."""
    return [order.instance for app in saved_of(things, APPS, SavedApp) for order in app.runs]
