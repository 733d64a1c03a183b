"""Any server over any number of attempts, each cut off anywhere: what is there is of one file, what is whole is that file."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.peers.http import HttpServer
from rig.peers.http_request import HttpRequest
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.download import Download
from rig.standby.transfers.errors import HttpFailed
from rig.standby.transfers.partial_file import PartialFile
from rig.standby.transfers.request import TransferRequest
from tests.standby.transfers.engine import Told, on_loop

VERSIONS = [hashlib.shake_128(bytes([number])).digest(length) for number, length in enumerate((5000, 5000, 4000, 6000))]
DATES = [f"{day}, 0{number} Jan 2004 00:00:00 GMT" for number, day in enumerate(("Thu", "Fri", "Sat", "Sun"), 1)]


@dataclass(frozen=True)
class Serving:
    """How the server answers in one attempt."""

    version: int
    validator: str
    """etag, weak, date, or none."""
    ranges: str
    """as it should; none; or whatever If-Range says."""
    cut_at: int | None
    """So many bytes of the body come, then a reset."""
    status: int = 200
    chunked: bool = False

    def __call__(self, request: HttpRequest) -> None:
        if self.status != 200:
            request.respond(self.status, b"no")
            return
        body, first = VERSIONS[self.version], self._first(request)
        headers = self._headers()
        if first is not None and first >= len(body):
            request.respond(416, b"", [("Content-Range", f"bytes */{len(body)}")])
            return
        if first is not None:
            headers.append(("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}"))
            body = body[first:]
        request.start(206 if first is not None else 200, headers, length=None if self.chunked else len(body))
        request.chunk(body[: self.cut_at])
        if self.cut_at is not None:
            request.reset()
        else:
            request.end()

    def _first(self, request: HttpRequest) -> int | None:
        wanted, condition = request.header("Range"), request.header("If-Range")
        holds = condition in (None, *(value for name, value in self._headers() if name != "Date"))
        if wanted is None or self.ranges == "none" or not (holds or self.ranges == "whatever If-Range says"):
            return None
        return int(wanted.removeprefix("bytes=").rstrip("-"))

    def _headers(self) -> list[tuple[str, str]]:
        match self.validator:
            case "etag":
                return [("ETag", f'"{self.version}"')]
            case "weak":
                return [("ETag", f'W/"{self.version}"')]
            case "date":
                return [("Last-Modified", DATES[self.version]), ("Date", "Mon, 05 Jan 2004 00:00:00 GMT")]
        return []


SERVINGS = st.builds(
    Serving,
    version=st.integers(0, len(VERSIONS) - 1),
    validator=st.sampled_from(["etag", "etag", "weak", "date", "none"]),
    ranges=st.sampled_from(["as it should", "as it should", "none", "whatever If-Range says"]),
    cut_at=st.one_of(st.none(), st.integers(0, 6000)),
    status=st.sampled_from([200, 200, 200, 200, 404, 503]),
    chunked=st.booleans(),
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SERVINGS, min_size=1, max_size=6))
def test_of_one_piece(web: HttpServer, tmp_path: Path, servings: list[Serving]) -> None:
    """60 examples went by a 416 that was believed of a file of no told length; it takes three servings that fit."""
    target = tmp_path / "x"
    told = Told()
    (tmp_path / "x.part").unlink(missing_ok=True)
    for serving in servings:
        web.on("/", serving)
        with closing(PartialFile(target)) as file:
            before = file.length
            try:
                on_loop(Download(TransferRequest(uri=web.url()), file, told.validator, told, told.whole_bytes).attempt)
            except (CurlError, HttpFailed):
                there = file.part.read_bytes()
                assert any(version.startswith(there) for version in VERSIONS)
                assert serving.status == 200 or len(there) in (before, 0)
                continue
            assert file.part.read_bytes() == VERSIONS[serving.version]
            assert told.lengths[-1] == file.length or file.length == before
            return
