"""Finding SMP frames between text and noise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rig.device import framing

MESSAGES = st.binary(min_size=1, max_size=700)
TEXT = st.binary(max_size=60).filter(
    lambda line: b"\n" not in line and framing.START not in line and framing.CONTINUE not in line
)


class Heard:
    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.text: list[bytes] = []
        self.receiver = framing.Receiver(self.messages.append, self.text.append)


@given(st.lists(MESSAGES, max_size=4), st.lists(TEXT, max_size=4), st.integers(1, 300))
def test_messages_and_text_come_out_as_they_went_in(messages: list[bytes], text: list[bytes], step: int) -> None:
    """However the bytes are cut into reads."""
    stream = b"".join(framing.encode(m) for m in messages) + b"".join(line + b"\n" for line in text)
    heard = Heard()
    for at in range(0, len(stream), step):
        heard.receiver.feed(stream[at : at + step])
    assert heard.messages == messages
    assert heard.text == [line for line in text if line]


@given(st.binary(max_size=5000), MESSAGES)
def test_no_noise_hides_the_message_after_the_next_newline(noise: bytes, message: bytes) -> None:
    heard = Heard()
    heard.receiver.feed(noise + b"\n" + framing.encode(message))
    assert heard.messages[-1:] == [message]


@given(MESSAGES, MESSAGES, st.data())
def test_a_frame_cut_off_anywhere_does_not_hide_the_next(first: bytes, second: bytes, data: st.DataObject) -> None:
    frame = framing.encode(first)
    cut = data.draw(st.integers(0, len(frame) - 1))
    heard = Heard()
    heard.receiver.feed(frame[:cut] + framing.encode(second))
    assert heard.messages[-1:] == [second]


@given(st.lists(st.binary(max_size=4000).map(lambda b: b.replace(b"\n", b" ")), max_size=60))
def test_noise_without_a_newline_is_not_kept(chunks: list[bytes]) -> None:
    heard = Heard()
    for chunk in chunks:
        heard.receiver.feed(chunk)
    assert len(heard.receiver._rest) <= framing.MAX_LINE_BYTES


@given(MESSAGES, st.data())
def test_what_is_missing_is_known_as_soon_as_the_length_is(message: bytes, data: st.DataObject) -> None:
    """Never more than is to come: whoever waits so long waits for nothing. Less by the marks and ends of the lines alone."""
    frame = framing.encode(message)
    cut = data.draw(st.integers(1, len(frame) - 1))
    heard = Heard()
    heard.receiver.feed(frame[:cut])
    assert 1 <= heard.receiver.missing_bytes <= len(frame) - cut
    if cut >= framing.MARK_BYTES + framing.LENGTH_CHARS:
        assert len(frame) - cut - heard.receiver.missing_bytes <= 3 * frame.count(b"\n")
    heard.receiver.feed(frame[cut:])
    assert heard.receiver.missing_bytes == 0


def test_of_a_line_of_text_one_byte_is_missing_and_of_nothing_none() -> None:
    heard = Heard()
    assert heard.receiver.missing_bytes == 0
    heard.receiver.feed(b"boot: slot 0")
    assert heard.receiver.missing_bytes == 1
    heard.receiver.feed(b"\n")
    assert heard.receiver.missing_bytes == 0


def test_lines_keep_to_what_zephyr_accepts() -> None:
    lines = framing.encode(bytes(4096)).splitlines(keepends=True)
    assert max(map(len, lines)) <= 127
