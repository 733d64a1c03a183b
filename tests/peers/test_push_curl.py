"""A person with curl posts to a push service: the very lines that the rig prints."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess

import pytest

from rig.commands.push_page import PUSH
from tests.peers.push_bench import PushBench

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def shell(line: str) -> str:
    return subprocess.run(line, shell=True, check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_a_line_for_a_shell_posts_and_shows_what_became_of_it(push: PushBench, secure: bool) -> None:
    service = push.serve(secure=secure)
    host = push.host(service) if not secure else push.secure_host(service)
    uri = host.open()
    answer = shell(service.curl(uri, "it's news"))
    assert answer.startswith("HTTP/1.1 200 OK\n")
    assert {"X-WNS-Status: received", "X-WNS-DeviceConnectionStatus: connected"} <= set(answer.splitlines())
    assert host.take().content == b"it's news"
    host.sock.close()
    service.wait_disconnected()
    assert "X-WNS-Status: dropped" in shell(service.curl(uri)).splitlines()


def test_a_line_for_a_shell_gets_a_token_that_posts(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    uri = host.open("chat")
    token = json.loads(shell(service.curl_for_token("chat")))["access_token"]
    with_it = re.sub("Bearer [^']+", f"Bearer {token}", service.curl(uri, "hello"))
    assert shell(with_it).startswith("HTTP/1.1 200 ")
    assert host.take().content == b"hello"
    assert shell(with_it.replace(token, token[::-1])).startswith("HTTP/1.1 401 ")


def test_the_lines_of_the_help_page_are_good(push: PushBench) -> None:
    """Filled in by hand."""
    service = push.serve()
    host = push.host(service)
    server, _, secret = host.open("mail").rpartition("/c/")
    ask, post = (line.replace("\\\n", " ") for line in re.findall(r"^  (curl (?:[^\n]*\\\n)*[^\n]*)$", PUSH, re.MULTILINE))
    enter = shlex.join(push.network.host.outside_command())
    secret_of_app = f"client_secret={service.credentials('mail').client_secret}"
    asked = shell(f"{enter} {ask.replace('client_secret=...', secret_of_app).replace('SERVER', server)}")
    token = json.loads(asked)["access_token"]
    answer = shell(f"{enter} {post.replace('TOKEN', token).replace('SERVER', server).replace('SECRET', secret)}")
    assert answer.startswith("HTTP/1.1 200 ")
    assert host.take().content == b"news"
