"""The timeline: one order for all processes, nothing lost, honest about what did not come."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import RigError
from rig.events import TimelineEvent
from rig.results.tail import Tail
from rig.timeline import DeviceDied, Timeline, TimelineTimeout, encoded, load, parse

WRITERS, RECORDS = 4, 500
WRITER = """
import sys
from rig.timeline import TimelineWriter
writer = TimelineWriter(int(sys.argv[1]), sys.argv[2])
for number in range(int(sys.argv[3])):
    writer.add("count", number=number)
"""


def test_records_of_many_processes_stay_whole_and_in_each_ones_order(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    command = [sys.executable, "-c", WRITER, str(timeline.fd)]
    writers = [subprocess.Popen([*command, f"w{n}", str(RECORDS)], pass_fds=[timeline.fd]) for n in range(WRITERS)]
    timeline.wait("count", count=WRITERS * RECORDS, timeout_s=30)
    assert [writer.wait() for writer in writers] == [0] * WRITERS
    for name in range(WRITERS):
        assert [r.number for r in timeline.records() if r.src == f"w{name}"] == list(range(RECORDS))
    assert [r.seq for r in timeline.records()] == list(range(WRITERS * RECORDS))
    timeline.close()


def test_a_writer_that_outlives_its_timeline_writes_to_nobody(tmp_path: Path) -> None:
    """Its descriptor may be another file's by then."""
    timeline = Timeline(tmp_path / "timeline.jsonl")
    server = timeline.writer("server")
    server.add("PUSH", connection=0)
    with (tmp_path / "other").open("wb") as other:
        timeline.close()
        server.add("PEER_FIN", connection=0)
        same_number = os.dup2(other.fileno(), server.fd)
        server.add("PEER_CLOSED", port=80)
        os.close(same_number)
    assert (tmp_path / "other").read_bytes() == b""
    assert [record.event for record in load(tmp_path / "timeline.jsonl")] == ["PUSH"]


def test_waiting_looks_only_behind_the_mark_and_says_what_came(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    timeline.add("RUN_ENTER", task="old")
    after = timeline.mark()
    timeline.add("APP_RESUME", app="chat")
    with pytest.raises(TimelineTimeout, match=r"RUN_ENTER did not come within 0.05 s.*\n.*APP_RESUME"):
        timeline.wait("RUN_ENTER", after=after, timeout_s=0.05)
    assert timeline.wait("RUN_ENTER", timeout_s=0.05).task == "old"
    timeline.close()


def test_what_comes_and_was_not_to_is_shown(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    timeline.add("RUN_ENTER", task="old")
    after = timeline.mark()
    timeline.add("RUN_ENTER", task="new")
    with pytest.raises(AssertionError, match=r"^RUN_ENTER came, and none was to: 1 .*'task': 'new'"):
        timeline.assert_none("RUN_ENTER", timeout_s=0.05, after=after)
    timeline.assert_none("RUN_ENTER", timeout_s=0.05, after=after, task="old")
    timeline.add("DEVICE_DIED", status="signal SIGSEGV", output="")
    with pytest.raises(DeviceDied):  # nothing of it could have come
        timeline.assert_none("NIC_WAKE", timeout_s=10, after=after)
    timeline.close()


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    path.write_bytes(b'{"t":1,"src":"a","ev":"X","k":2}\n{"t":2,"sr')
    assert [(r.event, r.k) for r in load(path)] == [("X", 2)]


PIECES = {
    "three letters": b'{"t',
    "an open end": b'{"t":1,"src":"b","ev":"Y"',
    "within a text": b'{"t":1,"src":"b","ev":"Y","text":"{\\"t\\":"',
    "three": b'{"t":1,"src":"b{"t":1,"src":"c","e{"t":1,"sr',
    "twenty": b'{"t":1,' * 20,
    "with such keys inside": b'{"t":1,"src":"b","ev":"Y","k":[' + b'{"t":1},' * 20,
    "deeper than anybody reads": b'{"t":' * 3000,
}


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
def test_the_record_behind_a_piece_of_one_whose_writer_was_killed_is_read(tmp_path: Path, pieces: bytes) -> None:
    """The kernel breaks a killed process's write(2) off between two pages, and the next one's begins there."""
    whole, behind = b'{"t":1,"src":"a","ev":"X"}', b'{"t":2,"src":"a","ev":"Z","k":{"t":3}}'
    path = tmp_path / "timeline.jsonl"
    path.write_bytes(whole + b"\n" + pieces + behind + b"\n" + whole + b"\n")
    assert [(record.seq, record.event) for record in load(path)] == [(0, "X"), (1, "Z"), (2, "X")]
    assert [line["ev"] for line in Tail(path).lines()] == ["X", "Z", "X"]


@pytest.mark.parametrize("line", [b"nonsense", b"[1]", b"7", b'{"t":1}', b'{"t":', b"\xff"])
def test_a_foreign_line_is_an_error_with_its_number(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "timeline.jsonl"
    path.write_bytes(b'{"t":1,"src":"a","ev":"X"}\n' + line + b"\n")
    with pytest.raises(RigError, match="line 2"):
        list(load(path))


@pytest.mark.parametrize("nonsense", [b"nonsense", b'{"t":' * 3000], ids=["no JSON", "deeper than anybody reads"])
def test_everybody_hears_of_a_foreign_line_not_only_who_reads_it_first(tmp_path: Path, nonsense: bytes) -> None:
    """Else who waits for what stands behind it waits in vain, and is told that nothing came."""
    timeline = Timeline(tmp_path / "timeline.jsonl")
    os.write(timeline.fd, nonsense + b"\n")
    timeline.add("RUN_ENTER")
    for _ in range(2):
        with pytest.raises(RigError, match="line 1"):
            timeline.wait("RUN_ENTER", timeout_s=0)
    timeline.close()


def test_a_line_of_nothing_but_beginnings_is_given_up_at_once(tmp_path: Path) -> None:
    """Each of a million would be read to its end."""
    path = tmp_path / "timeline.jsonl"
    path.write_bytes(b'{"t":1,' * 1_000_000 + b"\n")
    with pytest.raises(RigError, match="line 1"):
        list(load(path))


class Colour(IntEnum):
    RED = 3


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(),
        st.text(st.characters(categories=["Cs", "Cc", "Zl"])),
        st.binary(),
        st.lists(st.integers()),
        st.dictionaries(st.text(), st.binary()),
        st.sampled_from([Colour.RED, TimelineEvent.RUN_ENTER, Path("/")]),
    )
)
def test_a_record_is_one_line_and_reads_as_the_slow_encoder_writes_it(value: Any) -> None:
    line = encoded({"t": 1, "src": "test", "ev": "note", "value": value})
    assert b"\n" not in line
    plainly = json.dumps({"value": value}, default=lambda v: v.hex() if isinstance(v, bytes) else str(v))
    assert parse(line, 0).value == json.loads(plainly)["value"]
