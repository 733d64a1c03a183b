"""What `rig help` explains beside the commands. The files are valid as they stand: `rig help bench.toml > bench.toml`."""

from __future__ import annotations

BENCH_TOML = """\
# bench.toml, for --bench-config. Every key is optional; these are the defaults.

[bench]
device = "native"            # native, qemu, reference or board; --device wins
topology = "flat"            # a name from netns/ or a TOML file's path from this file; --topology and a test's mark win
port = ""                    # of a board: serial port, such as "/dev/ttyACM0"; --device board:PORT wins
nic = ""                     # of a board: interface of this machine that its Ethernet is wired to, such as "enp3s0"
nic_force = false            # take that interface although it has an address, a route or a login; it is given back as it was
baudrate = 115200            # of a board: bit/s, 50 to 12000000
reset_line = "none"          # of a board: none, dtr or rts, the modem line that is wired to its reset
requirements = ""            # of tests of your own: a TOML file's path from this file (rig help requirements)

[clock]
minute_us = 50_000           # real time that a minute of an interval lasts, µs, 1 to 60000000: then minutes are minutes

[standby]
aoac = true                  # the platform supports connected standby
profile = "win10"            # win10 or win8: with win8 the lock screen gates channels and some triggers, and quotas apply
family = "desktop"           # desktop or phone: a phone has no control channels
app_runtime = "native"       # native or javascript, for which there are no control channels
hw_slots_total = 4           # hardware slots, 0 to 255
hw_slots_per_app = 2
sw_slots_per_app = 4
network_ka_initial_min = 15  # minutes between keep-alives at first, 1 to 1440
network_ka_step_min = 1      # how much shorter after a connection was lost
network_ka_floor_min = 1     # never shorter than this
network_ka_retry_min = 1.0   # minutes between unanswered keep-alives
network_ka_probes = 3        # unanswered keep-alives that end a connection, 1 to 255
no_slot_fails_connect = true # no free hardware slot: connect raises; false: the wait returns POLICY_ERROR
lease_min = 1440             # minutes after which the device takes a silent host for dead, 1 to 1440
learn_next_hop = true        # the device follows a next hop that announces another MAC; false: its silence wakes
linger_ms = 20               # in connected standby, real time without work after which the host sleeps again
wall_clock_s = 30.0          # real seconds that a run of a background task may take
app_trigger_wall_s = 600.0   # the same for one of an application trigger,
device_use_wall_s = 600.0    # of a device-use trigger,
device_servicing_wall_s = 1800.0  # and of a device-servicing trigger
idle_task_s = 120.0          # a run that uses no processor for so long is cancelled
cancel_grace_s = 5.0         # real seconds from a cancellation to the end of the process whose run has not ended
suspend_deadline_s = 5.0     # real seconds that an app has for what it does before it is suspended
memory_limit_mb = 0          # MiB that a task may allocate in a process of its own; 0: as much as it likes
cpu_quota_s = 1.0            # profile win8: seconds of processor time that all background tasks of an app have together
cpu_quota_min = 120          # in so many minutes, 1 to 1440;
cpu_quota_lock_screen_s = 2.0     # the same of an app on the lock screen
cpu_quota_lock_screen_min = 15    # in so many minutes, 1 to 1440
network_quota_kb = 7500      # profile win8, on battery: kilobytes a day of those tasks, to 999999999
network_quota_lock_screen_kb = 45000    # the same of an app on the lock screen
background_apps = 0          # apps that a device of little memory lets run in the background, to 255; 0: all that ask
broker_sockets_per_app = 0   # sockets that an app may give to the broker, to 999999; 0: as many as it likes
socket_id_twice = "refuse"   # a socket under an id that another one of its app has; or "replace", which closes that one
strict_wake_kinds = false    # true: a listener or datagram socket that is to wake the host cannot be bound
wake_listeners_and_datagrams = false    # an extension: true: a SYN or a datagram to the port of one with the broker wakes
strict_transfer_queue = false    # true: an app's 201st background transfer is refused with a QUEUE_CORRUPT record
transfer_groups = "app"      # fifty groups of background transfers for each app; or for the whole "system"
transfers_hold_awake = true  # on external power a background transfer that runs keeps the host awake
transfer_proxy = ""          # of background transfers, such as "http://192.0.2.20:3128"; "" for none
"""

TOPOLOGY = """\
# A topology, for --topology FILE.toml, or by name from a folder netns/. Exactly one host, at least one server (the first
# is the bench's), any number of peers and routers. A machine sits where its addresses belong: on the host's network, or
# on the one behind the routers; the first router is everybody's gateway. Without routers all are neighbours.
name = "mine"                # optional, else the file's name
description = "a host, a gateway that forgets, a server behind it"

[hosts.laptop]               # any name: 1 to 12 small letters, digits, dashes
role = "host"                # host, server, peer or router
mac = "02:00:00:00:01:10"    # locally administered: never a real NIC's
ipv4 = "192.0.2.10/24"       # ipv4, ipv6 or both
ipv6 = "2001:db8:0:1::10/64"

[hosts.gateway]
role = "router"
mac = "02:00:00:00:01:01"
ipv4 = "192.0.2.1/24"
ipv6 = "2001:db8:0:1::1/64"

[hosts.gateway.far]          # of a router: its leg in the network behind it
mac = "02:00:00:00:02:01"
ipv4 = "198.51.100.1/24"
ipv6 = "2001:db8:0:2::1/64"

[hosts.gateway.nat]          # optional: it translates the host's IPv4 addresses to its far one
established_s = 4            # seconds after which it forgets an idle connection
forgotten = "remap"          # what it does with a segment of a forgotten one: remap (the server resets it) or drop

[hosts.cloud]
role = "server"
mac = "02:00:00:00:02:20"
ipv4 = "198.51.100.20/24"
ipv6 = "2001:db8:0:2::20/64"

[hosts.cloud.cable]          # optional, of any machine but the host: what its cable does to frames, each way
loss_percent = 1.5           # by chance
delay_ms = 40                # to 10000
jitter_ms = 10               # the delay is as much shorter or longer; the order of frames stays
rate_kbit = 2000             # it carries so much a second, to 10000000
"""

REQUIREMENTS = """\
# A catalogue of requirements of your own; those of the rig have the same form. One table an area, one entry a requirement.
# The ids here are MY-001 and MY-002, in a test: @pytest.mark.requirement("MY-001").

[MY]                         # the ids' prefix: capital letters, digits, _; not one of the rig's own areas
area = "My product"          # optional: the area in words
about = "A lamp that is dimmed over TCP while its processor sleeps."   # optional: what a reader has to know
001 = "A title alone is an entry"

[MY.002]
title = "A command for the sleeping lamp wakes it"
# All of these are optional.
condition = "The lamp sleeps, and its owner sends a command on the connection that the device keeps alive."
required = "The device wakes the lamp, and the lamp does what the command says."
observable = "RUN_EXIT of the lamp's task comes within a second; the device counts one wake."
source = "product manual, section 3"
reason = "no test yet"       # why nothing proves it
profile = "both"             # or win8 or win10
"""

SIGNING_KEY = """\
Images are signed with an Ed25519 key; a board's boot loader has its public half built in and takes no other image. So a board
belongs to its key for as long as it has that boot loader: keep a copy of the key.

in use now          {path}
another one         RIG_SIGNING_KEY=/absolute/path.pem before make firmware, such as one that a lab's machines share
make one            imgtool keygen --type ed25519 --key lab.pem; chmod 600 lab.pem
whose an image is   rig flash names the key of an image that a board refuses; rig doctor that of the key in use

The first build of a user makes a key that nobody else can read; make clean and removing the clone leave it. In CI give the key to
the job as a secret file and name it, or let each job make its own: emulated devices get their boot loader from the same build.
"""

CI = """\
# .github/workflows/rig.yml. The suite on every device of the runner, reports kept, results shown as JUnit's; as GitLab's the same
# three commands in an image debian:12 on a privileged runner, artifacts:reports:junit: reports/latest/junit.xml.
name: offload rig
on: [push]
jobs:
  suite:
    runs-on: ubuntu-24.04
    container:
      image: debian:12
      options: --privileged        # network namespaces and /dev/net/tun
    steps:
      - run: apt-get update && apt-get install -y git make python3
      - uses: actions/checkout@v4
      - run: make firmware
        env:
          RIG_SIGNING_KEY: ""      # a file with the lab's key where real boards are flashed (rig help signing-key)
      - run: .venv/bin/rig doctor
      - run: .venv/bin/rig run --device native --device qemu --strict
      - uses: actions/upload-artifact@v4
        if: always()               # a failed run's reports are the ones that are read
        with:
          name: reports
          path: reports/
"""
