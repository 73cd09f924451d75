import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.errors import FrameError
from nlu.frame import Frame, canonical, decouple, parse_frame
from nlu.span import from_span, to_span

WORD = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=5)
NAME = st.sampled_from("ABCDE")


@st.composite
def frames(draw: st.DrawFn, depth: int = 3) -> Frame:
    """Draw full frames: words anywhere under intents, slots of words or of one intent."""
    children: list[Frame | str] = []
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            children.append(draw(WORD))
        elif depth > 0 and draw(st.booleans()):
            children.append(Frame(f"SL:{draw(NAME)}", (draw(frames(depth=depth - 1)),)))
        else:
            children.append(Frame(f"SL:{draw(NAME)}", tuple(draw(st.lists(WORD, max_size=3)))))
    return Frame(f"IN:{draw(NAME)}", tuple(children))


@given(frames())
def test_printed_and_parsed_again_a_frame_is_itself(frame: Frame) -> None:
    assert parse_frame(str(frame)) == frame


@given(frames())
def test_spanned_and_rebuilt_a_frame_is_its_decoupled_form(frame: Frame) -> None:
    span = to_span(frame)
    assert from_span(span, frame.words()) == decouple(frame)
    assert len(span) % 2 == 0


@given(frames())
def test_decoupling_and_sorting_are_done_once_and_for_all(frame: Frame) -> None:
    assert decouple(decouple(frame)) == decouple(frame)
    assert canonical(canonical(frame)) == canonical(decouple(frame)) == canonical(frame)


def test_siblings_with_one_label_keep_their_order() -> None:
    frame = parse_frame("[IN:A [SL:B x ] [SL:A z ] [SL:B w ] ]")
    assert str(canonical(frame)) == "[IN:A [SL:A z ] [SL:B x ] [SL:B w ] ]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("hello", "before the first intent"),
        ("[IN:A hello", "never close"),
        ("[IN:A ] ]", "after the end"),
        ("[IN:A ] [IN:B ]", "after the end"),
        ("]", "before the first intent"),
        ("[SL:A x ]", "root must be an intent"),
        ("[IN:A [IN:B ] ]", "right under"),
        ("[IN:A [SL:B [SL:C x ] ] ]", "right under"),
        ("[IN: x ]", "without a name"),
    ],
)
def test_what_is_not_a_frame_says_why(text: str, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        parse_frame(text)


@pytest.mark.parametrize(
    "tokens",
    [
        ["[IN:A", 0, 0, "]"],
        ["[IN:A", "[SL:B", 0, "]", "]"],
        ["[IN:A", "[SL:B", 0, 2, "]", "]"],
        ["[IN:A", "[SL:B", 1, 0, "]", "]"],
        ["[IN:A", "[SL:B", 0, 0, 1, 1, "]", "]"],
        ["[IN:A", "[SL:B", 0, 0, "[IN:C", "]", "]", "]"],
        [0, 0],
        ["[IN:A"],
        [],
    ],
)
def test_what_is_not_a_span_form_is_refused(tokens: list[str | int]) -> None:
    with pytest.raises(FrameError):
        from_span(tokens, ["a", "b"])


@given(
    st.lists(st.sampled_from(["[IN:A", "[IN:", "[SL:B", "[SL:", "]", "[", "x", "[OUT:C", "é"]), max_size=12)
)
def test_any_text_is_a_frame_that_reads_back_or_an_error(tokens: list[str]) -> None:
    text = " ".join(tokens)
    try:
        frame = parse_frame(text)
    except FrameError:
        return
    assert str(frame) == text
    assert canonical(canonical(frame)) == canonical(frame)
    words = frame.words()
    assert from_span(to_span(frame), words) == decouple(frame)


@given(st.lists(st.one_of(st.sampled_from(["[IN:A", "[SL:B", "]"]), st.integers(0, 3)), max_size=10))
def test_any_span_form_is_a_frame_or_an_error(tokens: list[str | int]) -> None:
    try:
        frame = from_span(tokens, ["w", "x", "y"])
    except FrameError:
        return
    assert parse_frame(str(frame)) == frame
