"""A file of the scripted HTTP server: ranges of the same file alone, and a stop in the middle."""

from __future__ import annotations

import pytest

from rig.peers.http import HttpServer
from rig.peers.http_file import HttpFile
from tests.peers.http_bench import HttpBench

DATA = bytes(range(100))


def asked(http: HttpBench, web: HttpServer, **headers: str) -> tuple[int, bytes]:
    client = http.client(web)
    client.request("GET", "/file", headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = client.getresponse()
    return response.status, response.read()


def test_a_part_of_the_same_file(http: HttpBench) -> None:
    web = http.serve()
    web.on("/file", HttpFile(DATA))
    assert asked(http, web) == (200, DATA)
    assert asked(http, web, Range="bytes=60-") == (206, DATA[60:])
    assert asked(http, web, Range="bytes=60-", If_Range='"1"') == (206, DATA[60:])


@pytest.mark.parametrize(
    ("file", "headers"),
    [
        (HttpFile(DATA), {"Range": "bytes=60-", "If_Range": '"2"'}),
        (HttpFile(DATA, ranges=False), {"Range": "bytes=60-"}),
        (HttpFile(DATA), {"Range": "bytes=100-"}),
    ],
    ids=["another", "no ranges", "behind the end"],
)
def test_all_of_it_where_a_part_would_be_wrong(http: HttpBench, file: HttpFile, headers: dict[str, str]) -> None:
    web = http.serve()
    web.on("/file", file)
    assert asked(http, web, **headers) == (200, DATA)


def test_it_stops_until_it_goes_on(http: HttpBench) -> None:
    web = http.serve()
    file = HttpFile(DATA, stops_at=40)
    web.on("/file", file)
    client = http.client(web)
    client.request("GET", "/file")
    response = client.getresponse()
    assert response.read(40) == DATA[:40]
    assert asked(http, web, Range="bytes=60-") == (206, DATA[60:]), "behind the stop nothing waits"
    file.go_on()
    assert response.read() == DATA[40:]
    assert asked(http, web) == (200, DATA)
