"""Fixtures of the host's tests.

At each transaction of every system of these tests: what is written down is what there is, but for what said that it has
changed. A change that nobody says would be lost with the system's process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.standby.api import session
from rig.standby.system.ledger import HOST, Ledger
from rig.standby.system.store import Name, Store
from rig.timeline import Timeline
from tests.standby.app_process import AppProcess
from tests.standby.fake_system_of_transfers import FakeSystem
from tests.standby.mortal_host import MortalStore


@pytest.fixture(autouse=True)
def every_change_is_said(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    unsaid: list[Name] = []
    last: dict[Store, Ledger] = {}
    begin, now = Ledger.__init__, Ledger.now

    def begun(ledger: Ledger, store: Store, *arguments: Any) -> None:
        last[store] = ledger
        begin(ledger, store, *arguments)

    def checked(ledger: Ledger) -> None:
        if last[ledger._store] is ledger and not is_dead(ledger._store):
            unsaid.extend(name for name in ledger._rows.unsaid(ledger._store.known) if name != HOST)
        now(ledger)

    monkeypatch.setattr(Ledger, "__init__", begun)
    monkeypatch.setattr(Ledger, "now", checked)
    yield
    assert not unsaid, "rows that have changed and did not say so (rig/standby/system/rows.py)"


def is_dead(store: Store) -> bool:
    """Nothing reaches it any more."""
    return isinstance(store, MortalStore) and store.is_dead


@pytest.fixture
def system() -> Iterator[FakeSystem]:
    """Of background transfers, as an app's process sees it; this process is the app's."""
    before, fake = session._current, FakeSystem()
    session._current = fake  # type: ignore[assignment]
    yield fake
    session._current = before


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AppProcess]:
    """A real process of an app, whose system the test is."""
    timeline = Timeline(tmp_path / "timeline.jsonl")
    with AppProcess(timeline) as app:
        yield app
    timeline.close()
