"""`rig bench` takes one measurement at a time, and says so of two."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from rig.cli import build
from rig.errors import UsageError


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--tasks", "5", "--push", "5"], "--tasks and --push"),
        (["--device", "core", "--transfers"], "--device core and --transfers"),
        (["--hours", "1", "--kills", "5"], "--kills and --hours"),
    ],
)
def test_two_measurements_are_refused_by_name(options: list[str], named: str) -> None:
    error = CliRunner().invoke(build(), ["bench", *options]).exception
    assert isinstance(error, UsageError)
    assert error.code == "RIG-C05"
    assert error.cause.startswith(f"{named} are measurements")


@pytest.mark.parametrize("option", ["--kills", "--hours", "--tasks", "--sockets", "--transports", "--push"])
def test_none_of_something_is_no_measurement(option: str) -> None:
    """It was taken for all of `rig bench`, which lasts."""
    result = CliRunner().invoke(build(), ["bench", "--device", "none such", option, "0"])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}': 0 is not in the range" in result.output


@pytest.mark.parametrize("option", [[], ["--hours", "1"], ["--kills", "1"]])
def test_a_profile_with_less_room_than_is_measured_with_is_told_so(option: list[str]) -> None:
    """It was told that there is no such device."""
    error = CliRunner().invoke(build(), ["bench", "--device", "native:minimal", *option]).exception
    assert isinstance(error, UsageError)
    assert error.code == "RIG-C05"
    assert error.cause == "native:minimal has 4 TCP slots and 8 patterns, rig bench measures with 16 and 32"
    assert "rig run --device native:minimal" in error.fix


def test_a_device_that_there_is_not_is_told_which_there_are() -> None:
    error = CliRunner().invoke(build(), ["bench", "--device", "native:none"]).exception
    assert isinstance(error, UsageError)
    assert error.code == "RIG-C10"
    assert "native:minimal" in error.fix
