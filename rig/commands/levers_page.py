"""`rig help levers`."""

from __future__ import annotations

from textwrap import wrap

from rig.standby.levers import LINK, NAMES
from rig.standby.wire.surroundings import Surroundings, plain

WIDTH = 130
MEANINGS = {
    "ac": "external power",
    "battery_percent": "0 to 100",
    "energy_saver": "the user lets the battery be saved; it is, on battery below the next one",
    "energy_saver_below_percent": "0 to 100",
    "energy_saver_exempt": "names of apps that run all the same",
    "user_present": "somebody uses the machine",
    "session_connected": "the user's session has the screen",
    "quiet_hours": "nothing is to disturb",
    "lock_screen": "names of the apps that the user has put there, at most 7",
    "access": "what an app hears that asks for background access: {}; None: as start_app has it",
    "application_triggers": "energy and privacy settings let apps start tasks of their own",
    "device_consent": "the user lets apps work with their devices",
    "internet": "the network leads to the internet",
    "cost": "of the network: {}",
    "roaming": "it is another operator's",
    "over_data_limit": "more than the user pays for has gone over it",
    "approaching_data_limit": "nearly as much as the user pays for has",
    "background_data_restricted": "the user wants no data used in the background",
    "time_zone": "its name",
    "online_id_connected": "the user's online account is signed in",
}
HEAD = """\
What a test turns around the host. Each turn is a LEVER record on the timeline; what it causes (system triggers, conditions that
hold or are lost, tasks that may not run) follows.

    host.levers.set(ac=False, battery_percent=15)          in a test
    @pytest.mark.levers(ac=False, cost="fixed")            how things are when it begins

"""
ACTS = """
Acts, each a method of host.levers:

  link(up)                    the one cable of host and device out or in: both lose their link
  session_switch()            another user takes the screen and gives it back
  user_leaves(), user_is_back()
  event(type, app=None)       a system event that nothing else shows: SMS_RECEIVED, DEFAULT_SIGN_IN_ACCOUNT_CHANGE, ...
  cancel_tasks(app, reason)   the system cancels all that runs or waits of that app: LOGGING_OFF, RESOURCE_REVOCATION, ...
  now                         the levers as they stand; the system's death and a restart of the machine change none

Cables, real ones, the same each way; without values the plain cable again; a topology's file may have them too:

  bench.wire.shape(loss_percent=2, delay_ms=40, jitter_ms=10, rate_kbit=2000)
  bench.wire.shape("peer", delay_ms=300)      another machine's than the one that the host's frames to the server go to
  with bench.wire.shaped(rate_kbit=64): ...   while the block runs
  bench.wire.passed()                         frames, bytes and how many were lost, to_machine and from_machine

The peers' kernels send a lost segment again after 2 s at the earliest; bench.network.set_least_retransmission(200) before a
connection is made has them do it as elsewhere.
"""


def page() -> str:
    """Every lever with its default."""
    lines = []
    for name, default in ((name, plain(getattr(Surroundings(), name))) for name in Surroundings.__struct_fields__):
        known = ", ".join(member.name.lower() for member in NAMES[name]) if name in NAMES else ""
        line = f"  {name:28}{default!s:14}{MEANINGS[name].format(known)}".rstrip()
        words = wrap(line, WIDTH, subsequent_indent=" " * 44, break_on_hyphens=False, drop_whitespace=False)
        lines += [part.rstrip() for part in words]
    lines.append(f"  {LINK:28}{True!s:14}the cable of host and device, see below")
    return HEAD + "\n".join(lines) + "\n" + ACTS
