"""nginx, run for real: a server of files both ways, and a reverse proxy before a peer that the test scripts, plain or over TLS.

All of it is in one folder of the test's: configuration, pid, logs, files. It is one process, as there is nobody to share the work
with, and it stays the user that it is: as root nginx would become another one, and in a user namespace there is none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rig.clock import WAIT_S, Deadline
from rig.host_port import host_and_port
from rig.net.namespace import Namespace
from rig.peers.program import Program, find, free_port
from rig.timeline import TimelineWriter

COMMAND, PACKAGE = "nginx", "nginx-light"
BEHIND = "/behind/"
"""Everything below goes to the peer behind the proxy, without this part of its path."""

UPLOADS = "/uploads/"
"""Below it a PUT makes a file (RFC 9110 9.3.4)."""

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

CONFIGURATION = """\
user root;
daemon off;
master_process off;
pid nginx.pid;
error_log error.log info;
events {{ worker_connections 512; }}
http {{
    {temporary}
    log_format json escape=json '{{"method":"$request_method","path":"$request_uri","status":$status,"bytes":$body_bytes_sent}}';
    access_log access.log json;
    default_type application/octet-stream;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen {listen};
        {certificate}
        root files;
        keepalive_timeout 3600s;
        limit_rate {rate_bytes_s};
        location {uploads} {{
            dav_methods PUT;
            create_full_put_path on;
            client_max_body_size 0;
        }}
        {proxy}
    }}
}}
"""

SECURE = (
    "ssl_certificate certificate.pem;",
    "ssl_certificate_key certificate.pem;",
    "ssl_protocols TLSv1.2 TLSv1.3;",  # of itself the nginx of Debian 12 knows nothing above 1.2
)

PROXY = """\
location {path} {{
            proxy_pass http://{peer}/;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 3600s;
            proxy_buffering off;
        }}"""


@dataclass(frozen=True)
class Request:
    """One that nginx has answered to its end."""

    method: str
    path: str
    status: int
    bytes: int
    """Of the body that went to the client; of a WebSocket all that did."""


class Nginx(Program):
    """`peer`: address and port of who is behind it, for paths below BEHIND. `pem`: key and certificate; then TLS alone.
    `rate_bytes_s`: of each answer, 0 for no limit."""

    def __init__(
        self,
        namespace: Namespace,
        address: str,
        timeline: TimelineWriter,
        folder: Path,
        *,
        peer: tuple[str, int] | None = None,
        pem: bytes = b"",
        rate_bytes_s: int = 0,
    ) -> None:
        """Raises BenchError RIG-T01 where it is not installed, RIG-T07 where it ends."""
        program = find(COMMAND, PACKAGE)
        self.folder = folder
        self._secure = bool(pem)
        port = free_port(namespace, address)
        (folder / "files").mkdir(parents=True)
        (folder / "certificate.pem").write_bytes(pem)
        listen = host_and_port(address, port)
        configuration = _configuration(listen, peer, secure=self._secure, rate_bytes_s=rate_bytes_s)
        (folder / "nginx.conf").write_text(configuration)
        super().__init__([program, "-p", f"{folder}/", "-e", "error.log", "-c", "nginx.conf"], namespace, address, timeline, port)

    def url(self, path: str = "/", scheme: str = "http") -> str:
        """`scheme`: http or ws; with an s where it speaks TLS."""
        return f"{scheme}{'s' if self._secure else ''}://{host_and_port(self.address, self.port)}{path}"

    def publish(self, path: str, data: bytes) -> None:
        """A file that it serves from now on: "/feed/1.txt"."""
        file = self.folder / "files" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def uploaded(self, path: str) -> bytes:
        """What a PUT of that path, below UPLOADS, has made. Raises FileNotFoundError."""
        return (self.folder / "files" / path.lstrip("/")).read_bytes()

    def requests(self) -> list[Request]:
        """All that it has answered, in the order of their ends."""
        log = self.folder / "access.log"
        lines = log.read_text().split("\n")[:-1] if log.exists() else []
        return [Request(**json.loads(line)) for line in lines]

    def wait_request(self, path: str, count: int = 1, timeout_s: float = WAIT_S) -> Request:
        """The `count`-th request of that path that it has answered. Raises AssertionError with those that it has."""
        deadline = Deadline(timeout_s)
        while len(found := [one for one in self.requests() if one.path == path]) < count:
            if deadline.expired:
                raise AssertionError(f"{count} of {path} were not answered within {timeout_s} s; were: {self.requests()}")
            deadline.pause()
        return found[count - 1]


def _configuration(listen: str, peer: tuple[str, int] | None, *, secure: bool, rate_bytes_s: int) -> str:
    certificate = "\n        ".join(SECURE)
    return CONFIGURATION.format(
        temporary="\n    ".join(f"{name}_temp_path temporary-{name};" for name in TEMPORARY),
        listen=f"{listen} ssl" if secure else listen,
        certificate=certificate if secure else "",
        rate_bytes_s=rate_bytes_s,
        uploads=UPLOADS,
        proxy="" if peer is None else PROXY.format(path=BEHIND, peer=host_and_port(*peer)),
    )
