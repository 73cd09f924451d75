import pytest

from nlu.errors import FrameError
from nlu.frame import parse_frame
from nlu.ontology import Ontology
from nlu.span import to_span


def test_ids_round_trip_and_words_come_after_the_ontology() -> None:
    frame = parse_frame("[IN:A to [SL:B x y ] ]")
    span = to_span(frame)
    ontology = Ontology.of([span])
    ids = ontology.encode(span)
    assert ontology.decode(ids) == span
    assert ids == [1, 2, 3 + 1, 3 + 2, 0, 0]
    assert str(ontology.frame(ids, frame.words())) == "[IN:A [SL:B x y ] ]"
    with pytest.raises(FrameError, match="never close"):
        ontology.frame(ids[:-1], frame.words())


def test_unknown_labels_are_named() -> None:
    ontology = Ontology.of([["[IN:A", "]"]])
    with pytest.raises(FrameError, match=r"\[SL:Z"):
        ontology.encode(["[IN:A", "[SL:Z", 0, 0, "]", "]"])


@pytest.mark.parametrize(
    "tokens", [(), ("[IN:A", "]"), ("]", "x"), ("]", "[IN:A", "[IN:A"), ("]", "[SL:B", "[IN:A")]
)
def test_what_is_no_ontology_is_refused(tokens: tuple[str, ...]) -> None:
    with pytest.raises(FrameError):
        Ontology(tokens)
