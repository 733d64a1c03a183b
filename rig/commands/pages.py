"""What `rig help` tells at length, beside the files of rig/commands/topics.py."""

from __future__ import annotations

TOUR = """\
Look at the machine
  rig doctor                                  what it can run, and the command that mends each lack

Run tests
  rig run --device auto                       the suite on every device that this machine has
  rig run -k "wakes and not vlan"             words of file, test, parameters and requirement
  rig run test_nat.py; rig run --last-failed  files, tests or printed ids; then what failed; -x stops at the first, -v tells more
  rig run --list                              tests and the requirements they prove
  rig run --topology routed -k resume         the same tests through a router; nat: through one that forgets connections
  rig run --profile win8                      a host that behaves as Windows 8 does: lock screen, quotas
  rig run -n 0                                one after the other, as with a board; -n 3: three at a time, each on its own bench
  rig requirements CCT                        what is asked for, and what the last run said; one with all details: CCT-030

Write an app
  rig run test_example_apps.py -v             three to learn from: rig/suite/apps/README.md
  rig manifest check rig/suite/apps/mail.toml what a manifest says, or where it is wrong; rig help manifest

Watch and look again
  rig monitor --run                           in a second terminal: what a run does, event by event
  rig host                                    the same: what the host of a bench is at; of a run that is over: how it was last
  rig transfers                               the same: its background transfers, with progress bars
  rig report reports/latest                   draw the reports again, also of a run that was killed; --keep 5 deletes old runs

A device by itself
  rig devices                                 serial ports, who holds them, who answers
  rig check --port /dev/ttyACM0               firmware of any make against the contract, without a network; -k slots: a part
  rig serve --device qemu --sample            an emulated one; prints the PTY of its serial line, here /dev/pts/N
  smpmgr --port /dev/pts/N image state-read   any mcumgr client can talk to it
  rig monitor /dev/pts/N                      its log, events and counters, live
  rig slots --port /dev/pts/N                 connections and lease (--all: every field); also counters, patterns, offloads, log
  rig flash --port /dev/pts/N                 plan, upload, verify, test, restart, confirm; or an IMAGE of yours; --force: also
                                              when that runs already
  rig flash IMAGE --port ... --recovery       past an image that does not answer: switch the board off and on meanwhile

Measure
  rig bench --device native                   minutes: wake latency, standby entry, jitter, flashing (rig help figures)
  rig bench --device core                     the engine's filter alone: wrong wakes, frames a second, instructions
"""

TESTS = """\
A test of your own is pytest's; installing the rig brings the fixtures. Run it with

  pytest --device native --device qemu --rig-reports reports

--device, --topology, --profile and --bench-config are also --rig-device ... --rig-bench-config, for where a conftest has options
of those names. Without --rig-reports nothing is written. With pytest -n 4 (pytest-xdist) each worker has its own bench. (rig run
gives its workers the tests of a file spread over the run; with -n 0 they run in the order of the files.)

Fixtures
  bench      all of it, torn down after the test; once for each device and topology, but host_alone
  device     typed commands to the microcontroller: device.counters(), device.add_pattern(...), device.capabilities()
  host       the connected-standby host: start_app, enter_standby, exit_standby, wait_for; levers (rig help levers), restart
  server     the remote end of the host's connections: address, port, push
  websocket_server  a WebSocket server beside it: url, connection(), push, push_text, ping, close_with, frames
  http_server       an HTTP server beside it: url, on("/file", answer(b"...")), request(number), requests; rig.peers.http_handlers
                    has answer and others; a handler of your own calls request.respond(200, b"...")
  inject     frames from the wire
  timeline   the ordered record of everything: wait, find (rig help events)
  capture    frames of every link

Without a host there is door: the device alone with its wire, for what it makes of a frame while it sleeps, in a tenth of a second
(rig.suite.standby_door says how). A file of your own begins with: from rig.suite.conftest import door, light_benches

More peers, each for a with block: bench.peers.push_server, websocket_server, http_server, push_service, with TLS by
tls=bench.authority.server_context(...); udp_peer, http_proxy; nginx, ftp_server (vsftpd) and mirror, a WebSocket server in C.
A push server is an echo, slow, resetting, greeting or not reading with on_accept = one of rig.peers.behaviour. bench.wire has
cables lose frames, or keep them for a while (rig help levers).

Marks
  requirement("CCT-030")     what the test proves; edge(7): an edge case of the device, 1 to 108
  topology("dual-stack")     what it needs, instead of --topology
  profile("win8")            which Windows the host behaves as, instead of --profile
  bench_config(lease_min=60) keys of bench.toml that it needs otherwise (rig help bench.toml)
  levers(ac=False)           what is around the host when it begins (rig help levers)
  limit_s(60)                time limit of set-up, call and teardown each; 60 by default
  host_alone                 the device has no part in it, as the host does not sleep and nothing is claimed of what the device
                             holds: it runs on the first of --device only
  device_can(slots=16)       what the device must have, else the test is skipped with the capability as reason. Numbers: slots,
                             patterns, pattern_bytes, arp_addresses, buffered_frames, program_ops, token_bytes, offloads,
                             yield_ms.
                             One or a tuple of rig.device.numbers: offload=OffloadType.ARP, pattern=PatternType.EAPOL,
                             slot_flag=SlotFlag.VLAN, ns_flag=NsFlag.RA_WAKE, command=Command.FAULT_INJECT;
                             counter="timer_late_1ms". flash=True: it can be flashed. What the test
                             proves is unproved then, or unproved in part, and never passed
  wakes("KA_TIMEOUT")        wakes that may come though the test neither makes them (its server or `inject` sends, its server
                             is closed) nor waits for them; without a reason any. Else an unplanned wake fails it, and so does
                             one that is late, comes twice, or is explained by nothing that is armed
  alone                      with -n: nothing beside it

What a test says of itself by pytest's record_property("seed", seed) is on the screen of rig run, in report.html, junit.xml and
results.jsonl: what somebody needs to run it the same way again, also when it has passed.

Your own app under test is a class (rig/suite/apps/README.md has some to learn from): host.start_app("mine", "my_module:MyApp").
It imports rig.standby.api (raw push: .push, background transfers: .transfers), and its public methods are what
app.call("method", ...) calls. Or as users have it: host.install("mine.toml"),
host.launch("mine") (rig help manifest); then host.update(...), host.uninstall("mine"), app.suspend(), resume(), terminate(),
close_by_user().

Your own requirements come from a file: --rig-requirements mine.toml, rig_requirements in pytest's ini file, or bench.toml
(rig help requirements > mine.toml).
"""

BOARD = """\
A board is firmware that answers SMP on a serial port with the groups os (0), image (1) and offload (100; the contract is
firmware/proto/README.md), and whose Ethernet is wired to an interface of this machine.

  rig devices                                 which port is it
  rig check --port /dev/ttyACM0               does it keep the contract (firmware/proto/README.md); no network is needed
  rig flash IMAGE --port /dev/ttyACM0         an image for it; the rig's own name their board and refuse another
  rig run --bench-config bench.toml           with these lines in bench.toml:

    [bench]
    device = "board"
    port = "/dev/ttyACM0"
    nic = "enp3s0"

The suite needs the firmware's test commands, such as the one that shortens minutes: a build with RELEASE=1 has none.

The interface is moved into the bench (that needs root) and given back at the end as it was, addresses and routes too. One that
is in use (default route, address, login) is refused, unless nic_force = true. After a SIGKILL the kernel gives it back bare: the
next run and rig doctor --restore put back what it had.

A run leases its boards: a second run on the same machine is told to wait. Tests on a board run one after the other.
Other keys: rig help bench.toml. Keys of images: rig help signing-key.
"""

FIGURES = """\
What `rig bench` measures; compare figures of one machine only. --json gives one object, with every bound; every device has the
same keys, null where one has no meaning. --check makes a missed bound an error.

On native and qemu (of their variants those with 16 slots and 32 patterns), over the wire:
  wakes          from the frame on the wire to the first line of the app's task. wake_floor_ms: the same of any process that lay
                 stopped as long and is continued by a reader of a raw socket, without device, TCP and rig; the wakes take
                 wake_latency_to_floor times as long. wake_busy_ms: beside a thread of the app that calls the system without
                 pause, wake_busy_to_idle times wake_latency_ms. Standby entry; time in which nobody has the host's identity
  hops           wake_hops_ms: the floor with the processes that a wake goes through, and nothing else that they do: device, line
                 to the driver, the host's port put into the bridge, app. Measured at 3 to 4 times the floor. That
                 the host's system is not among them is what a standing order is for: in connected standby an app begins its push
                 task by itself, and says so. On native a wake takes some 7 times the floor, of the 8 that are wanted. On qemu 15
                 are wanted, and it takes 11 to 14: the event (170 bytes) takes most of what is more than on native. That the
                 device yields the wire with it keeps host awake (31) and its answer (55) out of the way. QEMU gives a byte of
                 its UART in some 2 µs, and takes one in 8 to 10, or in 20 on an idle machine, where its two threads have a
                 processor each and wait for one another's lock at each byte
  jitter         of the keep-alives of 16 slots, on an idle wire and beside other stations' frames at the highest rate tried that
                 sender and device keep up with, next to what a sleeping process on the same machine sees. As root, or where
                 `ulimit -r` allows it, the emulated device goes before all other processes meanwhile, as a board shares its
                 processor with nobody, and so does the sleeping process (in_real_time)
  filter         32 patterns and 16 slots loaded into the running device: filter_frames_per_s is the most that its own counters
                 say it took, sorted and counted over its wire; filter_vs_libpcap_ratio is that beside libpcap's programs, which
                 have no wire (so it is far below core's); missed_wakes of 320 matching frames, false_wakes of up to 40,000 near
                 misses and while only keep-alives were due
  flashing       upload, verification, restart

  --kills 1000   instead: the host's system is killed so often, while it runs, falls asleep, sleeps, wakes and the user comes
                 back; every byte must arrive once and in order, both ways, and the device must hold nothing at the end

  --hours 24     instead: so many hours of standby on a scaled clock, with pushes, peers that die and a NAT that forgets
  --hours 24 --websockets  instead: hours in which nothing comes, with 16 WebSocket channels kept alive every 15 minutes, by the
                 task that the platform has for it and by the device, plain and over TLS: how often that wakes the host

  --transports 200  instead: wakes by a WebSocket message, by a TLS record, by both, and by a plain stream, in turn: how much
                 longer than the plain one each takes in the median (wake_websocket_ms_more and so on)

  --transfers    instead: background transfers from a real nginx. rate_to_curl: the best rate of three downloads of 1 GiB, until
                 the file has its name and is on the disk, beside curl's best in turn, whose file is not; the most memory that
                 their process ever had. push_to_run: in connected standby, of a host that sleeps, of one that sleeps while a
                 transfer rests (battery), and of one that a transfer holds awake (external power). longest_wait_to_all: of 200
                 at once, the longest that one had no byte since its start, of the time that all take
  --transfers --kills 100  instead: four downloads a round, and the app, the system, the process of transfers or the server is
                 killed meanwhile: each file that is there is the server's, each other transfer says why not

On core, the engine by itself: the same filter without a wire, and m3_instructions_per_frame on a Cortex-M3.
keepalive_jitter_ms is null there, m3_instructions_per_frame on native; flash_bytes and ram_bytes are the Cortex-M3 build's.
"""
