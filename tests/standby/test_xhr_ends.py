"""A request ends once, wherever its response is cut, whenever it is aborted, whatever its callbacks raise; and is gone then."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.clock import WAIT_S, Deadline
from rig.standby.api import HostError, HResult
from rig.standby.api.xhr import XhrError, XhrProperty, XmlHttpRequest2
from rig.standby.api.xhr.conversation import Conversation
from rig.timeline import Timeline
from tests.standby.xhr_process import Heard, Server, gone, lived, sent

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
COUNTED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nonetwo"
TO_THE_END = b"HTTP/1.0 200 OK\r\n\r\nonetwo"


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timeline]:
    yield from lived(tmp_path_factory.mktemp("xhr"))


@pytest.fixture
def server(timeline: Timeline) -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("response", [CHUNKED, COUNTED, TO_THE_END], ids=["chunked", "counted", "to the end"])
def test_byte_by_byte_it_is_the_same_response(server: Server, response: bytes) -> None:
    server.answers = [(bytewise(response), "fin")]
    heard = Heard()
    reference = weakref.ref(sent(server.url, heard))
    heard.wait_end()
    assert (heard.calls[-1], heard.body) == ("response", b"onetwo")
    assert gone(reference)


@pytest.mark.parametrize("then", ["fin", "rst"])
@pytest.mark.parametrize("response", [CHUNKED, COUNTED], ids=["chunked", "counted"])
def test_cut_at_every_byte_it_ends_with_one_error(server: Server, response: bytes, then: str) -> None:
    for cut in range(len(response)):
        server.answers = [([response[:cut]], then)]
        heard = Heard()
        reference = weakref.ref(sent(server.url, heard))
        heard.wait_end()
        assert heard.calls[-1] == "error", f"cut at {cut}"
        assert heard.error == XhrError.DOWNLOAD_FAILURE
        assert gone(reference), f"cut at {cut}"


def test_aborted_at_every_byte_it_ends_once(server: Server) -> None:
    for cut in range(len(CHUNKED)):
        server.answers = [([CHUNKED[:cut]] if cut else [], "hold")]
        server.said.clear()
        heard = Heard()
        xhr = sent(server.url, heard)
        assert server.said.wait(10)
        xhr.abort()
        heard.wait_end()
        assert heard.error == XhrError.ABORT, f"aborted at {cut}"
        reference = weakref.ref(xhr)
        del xhr
        assert gone(reference), f"aborted at {cut}"


def test_an_abort_that_races_the_response_ends_it_once(server: Server) -> None:
    """Before it connects, while it does, while it is answered, behind its end: whoever is first."""
    seeded, seen = random.Random(7), set()
    for round_number in range(150):
        server.answers = [(bytewise(COUNTED), "fin")]
        heard = Heard()
        xhr = sent(server.url, heard)
        waited = threading.Event()
        waited.wait(seeded.random() * 0.004)
        xhr.abort()
        heard.wait_end()
        seen.add(heard.calls[-1])
        assert heard.calls[-1] == "response" or heard.error == XhrError.ABORT, f"round {round_number}"
    assert "error" in seen


def test_a_limit_that_races_the_response_ends_it_once(server: Server) -> None:
    for _ in range(40):
        server.answers = [([COUNTED[:-1], COUNTED[-1:]], "hold")]
        heard = Heard()
        xhr = XmlHttpRequest2()
        xhr.open("GET", server.url, heard)
        xhr.set_property(XhrProperty.TIMEOUT, 1)
        xhr.send()
        heard.wait_end()
        assert heard.calls[-1] == "response" or heard.error == XhrError.CONNECTION_TIMEOUT


@pytest.mark.parametrize("kind", [RuntimeError, ConnectionResetError, lambda text: HostError(HResult.INVALID_ARG, text)])
@pytest.mark.parametrize("call", ["redirect", "headers", "data", "response", "error"])
def test_a_callback_that_raises_is_a_fault_and_the_request_ends(
    server: Server, timeline: Timeline, call: str, kind: Callable[[str], Exception]
) -> None:
    """Also what the connection itself might raise, and the host API that a callback calls."""

    def raises(_xhr: XmlHttpRequest2) -> None:
        raise kind(f"raised in {call}")

    first = b"HTTP/1.1 302 Found\r\nLocation: /on\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    second = CHUNKED if call != "error" else CHUNKED[:20]
    server.answers = [([first], "fin"), ([second], "fin")]
    heard = Heard({call: raises})
    after = timeline.mark()
    reference = weakref.ref(sent(server.url, heard))
    heard.wait_end()
    assert timeline.wait("APP_FAULT", after=after).error.endswith(f"raised in {call}")
    if call in ("redirect", "headers", "data"):
        assert heard.error == XhrError.CALLBACK_FAILED
    assert gone(reference)


@pytest.mark.parametrize("call", ["redirect", "headers", "data", "response", "error"])
def test_abort_in_a_callback_is_the_end_of_it(server: Server, call: str) -> None:
    first = b"HTTP/1.1 302 Found\r\nLocation: /on\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    second = CHUNKED if call != "error" else CHUNKED[:20]
    server.answers = [([first], "fin"), ([second], "fin")]
    heard = Heard({call: lambda xhr: xhr.abort()})
    sent(server.url, heard)
    heard.wait_end()
    if call in ("redirect", "headers", "data"):
        assert heard.calls[-2:] == [call, "error"]
        assert heard.error == XhrError.ABORT


def test_an_abort_on_the_way_into_send_is_heard(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another thread, when the request is known to be sent and has not begun to connect."""
    start = Conversation.start

    def aborted(conversation: Conversation) -> None:
        conversation.cancel(HostError(HResult.CANCELLED, "another thread"))
        start(conversation)

    monkeypatch.setattr(Conversation, "start", aborted)
    heard = Heard()
    reference = weakref.ref(sent(server.url, heard))
    heard.wait_end()
    assert (heard.calls, heard.error) == (["error"], XhrError.ABORT)
    assert gone(reference)


def test_nothing_is_left_of_many_requests(server: Server) -> None:
    """Threads and descriptors: those that end well, badly, aborted, and by their limit."""
    server.answers = [([COUNTED], "fin")]
    threads, descriptors = set(), set()
    gc.collect()  # what the tests before have left behind is not counted as given back here
    for round_number in range(4):
        for number in range(40):
            server.answers = [([COUNTED if number % 2 else COUNTED[:-1]], "fin" if number % 3 else "hold")]
            heard = Heard()
            xhr = XmlHttpRequest2()
            xhr.open("GET", server.url, heard)
            xhr.set_property(XhrProperty.TIMEOUT, 20)
            xhr.send()
            if number % 5 == 0:
                xhr.abort()
            heard.wait_end()
            del xhr
        server.forget()
        if round_number:
            threads.add(settled(threading.active_count))
            descriptors.add(settled(lambda: len(list(Path("/proc/self/fd").iterdir()))))
    assert max(threads) - min(threads) <= 1, threads
    assert max(descriptors) - min(descriptors) <= 1, descriptors


def settled(count: Callable[[], int]) -> int:
    """When it has stayed the same for a while: threads end a moment behind the last call."""
    deadline, seen = Deadline(WAIT_S), [count()]
    while len(seen) < 20 or len(set(seen[-20:])) > 1:
        assert not deadline.expired, seen
        deadline.pause()
        seen.append(count())
    return seen[-1]


def test_nobody_listens_there(server: Server) -> None:
    url = server.url
    server.close()
    heard = Heard()
    reference = weakref.ref(sent(url, heard))
    heard.wait_end()
    assert heard.error == XhrError.CANNOT_CONNECT
    assert gone(reference)


def test_a_callback_may_send_the_next_one(server: Server) -> None:
    second = Heard()
    server.answers = [([COUNTED], "hold"), ([COUNTED], "hold")]
    later: list[XmlHttpRequest2] = []
    first = Heard({"response": lambda _: later.append(sent(server.url, second))})
    sent(server.url, first)
    first.wait_end()
    second.wait_end()
    assert second.body == b"onetwo"


def test_what_is_behind_the_response_is_nobodys(server: Server) -> None:
    server.answers = [([COUNTED + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"], "hold")]
    heard = Heard()
    sent(server.url, heard)
    heard.wait_end()
    assert heard.body == b"onetwo"


def test_who_does_not_read_is_not_filled_up(server: Server, tmp_path: Path) -> None:
    """A server that never ends; an app that never reads."""

    class Deaf(Heard):
        def on_data_available(self, xhr: XmlHttpRequest2, stream: object) -> None:
            if "data" not in self.calls:
                self._called("data", xhr)

    server.answers = [([b"HTTP/1.0 200 OK\r\n\r\n", *[bytes(1 << 20)] * 40], "hold")]
    heard = Deaf()
    sent(server.url, heard)
    heard.wait_end()
    assert heard.error == XhrError.OUT_OF_MEMORY
