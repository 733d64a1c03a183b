"""DataReader and DataWriter: what one writes the other reads."""

from __future__ import annotations

import pytest

from rig.standby.api import DataReader, DataWriter
from rig.standby.wire.hresult import HostError, HResult


def test_what_was_written_is_read_in_order() -> None:
    writer = DataWriter()
    writer.write_byte(7)
    writer.write_uint16(0x0102)
    writer.write_uint32(0x03040506)
    writer.write_uint64(2**64 - 1)
    count = writer.write_string("h\u00e9")
    writer.write_bytes(b"rest")
    assert (count, writer.unstored_buffer_length) == (3, 1 + 2 + 4 + 8 + 3 + 4)
    reader = DataReader.from_buffer(writer.detach_buffer())
    assert writer.unstored_buffer_length == 0
    assert (reader.read_byte(), reader.read_uint16(), reader.read_uint32()) == (7, 0x0102, 0x03040506)
    assert (reader.read_uint64(), reader.read_string(count), reader.read_bytes(4)) == (2**64 - 1, "h\u00e9", b"rest")
    with pytest.raises(HostError):
        reader.read_byte()


@pytest.mark.parametrize(("method", "value"), [("write_byte", 256), ("write_uint16", -1), ("write_uint32", 2**32)])
def test_a_number_that_does_not_fit_is_refused_and_nothing_is_written(method: str, value: int) -> None:
    writer = DataWriter()
    with pytest.raises(HostError) as refused:
        getattr(writer, method)(value)
    assert refused.value.hresult is HResult.INVALID_ARG
    assert writer.unstored_buffer_length == 0


def test_what_a_stream_does_not_take_stays_in_the_writer() -> None:
    class Broken:
        def write(self, data: bytes) -> None:
            raise BrokenPipeError

    writer = DataWriter(Broken())
    writer.write_bytes(b"news")
    with pytest.raises(BrokenPipeError):
        writer.store()
    assert writer.detach_buffer() == b"news"


def test_a_writer_without_a_stream_stores_nothing() -> None:
    with pytest.raises(HostError) as refused:
        DataWriter().store()
    assert refused.value.hresult is HResult.ILLEGAL_METHOD_CALL
