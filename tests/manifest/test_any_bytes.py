"""Whatever bytes a file has: a manifest, or an error of the rig's; and soon."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.errors import UsageError
from rig.manifest import checks
from rig.manifest.manifest import Manifest
from tests.manifest.files import PACKAGE, SEED, TOML, read

NAMES = st.sampled_from(["app.xml", "app.toml"])
WORDS = st.sampled_from(
    "< > </ /> = \" ' & &lt; &#0; ]]> <![CDATA[ <!-- --> <? ?> <!DOCTYPE [ ] [[ ]] { } # . , \n \r \t \0 \x7f true 1 -1 1e9 nan "
    "Package Identity Name Version Applications Application Extensions Extension Category windows.backgroundTasks EntryPoint "
    "Executable BackgroundTasks Task Type timer uap: xmlns xmlns:uap rig:Entry name version entry types \ud7ff é".split(" ")
)


def _sentence(words: list[str]) -> bytes:
    return " ".join(words).encode()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A right manifest with a few pieces cut out, doubled or put in."""
    data = draw(st.sampled_from([SEED, PACKAGE, TOML])).encode()
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(data)))
        end = draw(st.integers(begin, min(len(data), begin + 40)))
        new = draw(st.one_of(st.just(b""), st.just(data[begin:end] * 2), WORDS.map(str.encode), st.binary(max_size=4)))
        data = data[:begin] + new + data[end:]
    return data


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, data=st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=60).map(_sentence), mutated()))
def test_any_bytes_are_a_manifest_or_an_error(tmp_path: Path, name: str, data: bytes) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(read(tmp_path, name, data), Manifest)


LARGEST, TOML_LARGEST = checks.MAX_XML_BYTES, checks.MAX_TOML_BYTES


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("app.xml", "<a>" * (LARGEST // 3)),
        ("app.xml", "<Extensions>" + "\n" * (LARGEST - 100)),
        ("app.xml", "<Extensions " + "a" * (LARGEST - 100)),
        ("app.xml", "<Extensions " + 'a="' + "&#65;" * (LARGEST // 5 - 100)),
        ("app.xml", "<?xml" + " " * (LARGEST - 100)),
        ("app.xml", "<?xml " + "<?xml " * (LARGEST // 6 - 100)),
        ("app.xml", "<Extensions>" + "<Extension/>" * (LARGEST // 12 - 10)),
        ("app.toml", "types = [\n" + "\n" * (TOML_LARGEST - 100)),
        ("app.toml", "types = [\n" + "[],\n" * (TOML_LARGEST // 4 - 100) + "]"),
        ("app.toml", 'name = """\n' + "\n" * (TOML_LARGEST - 100) + '"""'),
        ("app.toml", "[[background_tasks]]\n" * (TOML_LARGEST // 21 - 10)),
        ("app.toml", "[a" + ".a" * (TOML_LARGEST // 2 - 100) + "]"),
    ],
    ids=lambda value: value[:24],
)
def test_the_largest_file_is_read_soon(tmp_path: Path, name: str, content: str) -> None:
    began = time.process_time()
    with pytest.raises(UsageError):
        read(tmp_path, name, content)
    assert time.process_time() - began < 10, "of a processor's own time; a tenth is usual"
