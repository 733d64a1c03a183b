"""The ledger of a run's wakes, as report.md shows it."""

from __future__ import annotations

from pathlib import Path

from rig import report
from rig.results.record import NOT_JUDGED, Recorder

ID = "test_it.py::one"


def drawn(folder: Path, *wakes: dict[str, object]) -> str:
    """report.md of a run whose one test had these."""
    recorder = Recorder(folder)
    recorder.add("run", rig="0.1.0")
    recorder.add("test", id=ID, title="", requirements=["CCT-010"])
    passed = [{"name": "call", "s": 0.2, "verdict": "passed"}]
    more = {"device": "native", "topology": "flat", "artefacts": [], "phases": passed, "wakes": list(wakes)}
    recorder.add("attempt", id=ID, attempt=1, verdict="passed", duration_s=0.3, **more)
    recorder.close()
    report.draw(folder)
    return (folder / "report.md").read_text()


def test_wakes_are_counted_by_reason_and_unplanned_ones_named(tmp_path: Path) -> None:
    planned = [{"reason": "TCP_DATA", "planned": "waited for", "fault": "", "heard_ms": ms} for ms in (1.0, 2.0, 9.0)]
    late = {"reason": "PACKET", "planned": "sent", "fault": "late: 900 ms | after\nmore", "pattern": 7, "frame": "UDP 9"}
    text = drawn(tmp_path, *planned, late)
    assert "## Wakes\n\n4 times the device woke the host; 1 of them unplanned. The time is from the frame's last bit" in text
    assert f"* unplanned: PACKET, pattern 7, UDP 9: late: 900 ms \\| after, in `{ID}`\n\n| reason" in text
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith(("| PACKET", "| TCP"))
    ]
    assert rows == [["PACKET", "1", "1", "", ""], ["TCP_DATA", "3", "", "2.0", "9.0"]]


def test_a_flood_of_them_leaves_room_for_the_rest_of_the_report(tmp_path: Path) -> None:
    flood: dict[str, object] = {"reason": "PACKET", "planned": "", "fault": "", "frame": "UDP 9 " * 50}
    text = drawn(tmp_path, *[flood] * 3000)
    assert text.count("* unplanned: ") == 20
    assert "\n* and 2980 more in results.jsonl\n" in text
    assert text.index("| PACKET   | 3000    | 3000") < text.index("## Requirements") < text.index("## Facts")


def test_a_run_without_any_has_no_section_of_them(tmp_path: Path) -> None:
    assert "Wakes" not in drawn(tmp_path)


def test_wakes_that_nobody_judged_are_said(tmp_path: Path) -> None:
    text = drawn(tmp_path, {"reason": NOT_JUDGED, "planned": "too much was said", "fault": ""})
    assert f"* not all wakes of `{ID}` are judged: too much was said\n" in text
    assert "slowest ms" not in text
