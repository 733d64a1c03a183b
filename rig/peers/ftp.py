"""vsftpd, run for real: a server of files over FTP, for one user.

All of it is in one folder of the test's. It stays the user that it is, so that it needs no root; such a vsftpd knows a single
user, USER, and his password is the one that is asked for: what PAM knows of this machine's users is nobody's business.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from rig.clock import WAIT_S, Deadline
from rig.host_port import host_and_port
from rig.net.namespace import Namespace
from rig.peers.program import Program, find, free_port
from rig.timeline import TimelineWriter

COMMAND = PACKAGE = "vsftpd"
USER = "ftp"
WITH_ITS_SESSIONS = ("unshare", "--pid", "--fork", "--kill-child")
"""Each client has a process of vsftpd's own, which would outlive it: here it is their init, whose end is theirs."""
OLD_S = 1_000_000_000
"""2001: when a file was changed that has not been changed lately."""

CONFIGURATION = """\
listen={four}
listen_ipv6={six}
listen_address{suffix}={address}
listen_port={port}
background=NO
run_as_launching_user=YES
anonymous_enable=YES
local_enable=NO
secure_email_list_enable=YES
email_password_file={folder}/password
anon_root={folder}/files
secure_chroot_dir={folder}
anon_world_readable_only=NO
anon_max_rate={rate_bytes_s}
xferlog_enable=YES
log_ftp_protocol=YES
vsftpd_log_file={folder}/vsftpd.log
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
"""

COMMANDS = re.compile(r'FTP command: Client "[^"]*", "(.*)"')
PASSWORDS = re.compile(r'OK LOGIN: Client "[^"]*", anon password "(.*)"')


class FtpServer(Program):
    """`rate_bytes_s`: of each download, 0 for no limit. Its files' names are below the root of its URLs."""

    def __init__(
        self,
        namespace: Namespace,
        address: str,
        timeline: TimelineWriter,
        folder: Path,
        *,
        password: str = "guest",
        rate_bytes_s: int = 0,
    ) -> None:
        """Raises BenchError RIG-T01 where it is not installed, RIG-T07 where it ends."""
        program = find(COMMAND, PACKAGE)
        self.folder, self.password = folder.resolve(), password
        port = free_port(namespace, address)
        (self.folder / "files").mkdir(parents=True)
        (self.folder / "password").write_text(f"{password}\n")
        six = ":" in address
        where = {"four": _word(not six), "six": _word(six), "suffix": "6" if six else "", "address": address, "port": port}
        configuration = self.folder / "vsftpd.conf"
        configuration.write_text(CONFIGURATION.format(**where, folder=self.folder, rate_bytes_s=rate_bytes_s))
        super().__init__([*WITH_ITS_SESSIONS, program, str(configuration)], namespace, address, timeline, port)

    def url(self, path: str = "/", *, credentials: bool = True) -> str:
        """`path`: from the root of its files."""
        login = f"{USER}:{self.password}@" if credentials else ""
        return f"ftp://{login}{host_and_port(self.address, self.port)}{path}"

    def publish(self, path: str, data: bytes, changed_s: float = OLD_S) -> None:
        """A file that it serves from now on: "/feed/1.txt"; it was changed at that time of the epoch."""
        file = self.folder / "files" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (changed_s, changed_s))

    def commands(self, name: str = "") -> list[str]:
        """That it was given, of all clients, in their order: "RETR 1.txt". `name`: of that one alone."""
        return [one for one in COMMANDS.findall(self._log()) if one.split(" ")[0] == name or not name]

    def passwords(self) -> list[str]:
        """Of each login that went well; vsftpd writes a blank of one as _."""
        return PASSWORDS.findall(self._log())

    def wait_command(self, command: str, count: int = 1, timeout_s: float = WAIT_S) -> None:
        """Until it was given that one so many times: "REST 5000". Raises AssertionError with those that it was given."""
        deadline = Deadline(timeout_s)
        while self.commands().count(command) < count:
            if deadline.expired:
                raise AssertionError(f"{count} of {command!r} did not come within {timeout_s} s, but {self.commands()}")
            deadline.pause()

    def _log(self) -> str:
        log = self.folder / "vsftpd.log"
        return log.read_text(errors="replace") if log.exists() else ""


def _word(yes: bool) -> str:
    return "YES" if yes else "NO"
