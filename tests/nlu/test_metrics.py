import math

from nlu.metrics import Gold, gold_of, score
from nlu.ontology import Ontology

ONTOLOGY = Ontology(("]", "[IN:A", "[SL:B"))
WORDS = ["x", "y", "x"]
TARGET = ["[IN:A", "[SL:B", 0, 0, "]", "]"]
GOLD = Gold(WORDS, "[IN:A [SL:B x ] ]", TARGET, unseen=True)


def ids(*tokens: str | int) -> list[int]:
    return ONTOLOGY.encode(tokens)


def test_the_right_text_at_another_place_is_an_exact_match_but_no_span_match() -> None:
    other = ids("[IN:A", "[SL:B", 2, 2, "]", "]")
    metrics = score([ONTOLOGY.encode(TARGET), other], [GOLD, GOLD], ONTOLOGY)
    assert metrics["exact_match"] == 100
    assert metrics["span_exact_match"] == 50
    assert metrics["length_accuracy"] == 100


def test_what_is_no_frame_is_wrong() -> None:
    metrics = score([ids("]", "]"), ids("[IN:A", "[SL:B", 1, 0, "]", "]")], [GOLD, GOLD], ONTOLOGY)
    assert metrics["exact_match"] == metrics["exact_match_unseen"] == 0
    assert metrics["length_accuracy"] == 50


def test_the_order_of_siblings_does_not_matter() -> None:
    ontology = Ontology(("]", "[IN:A", "[SL:B", "[SL:C"))
    gold = Gold(["x", "y"], "[IN:A [SL:B y ] [SL:C x ] ]", [], unseen=True)
    for first, second in (("[SL:C", "[SL:B"), ("[SL:B", "[SL:C")):
        at = {"[SL:C": 0, "[SL:B": 1}
        tokens = ["[IN:A", first, at[first], at[first], "]", second, at[second], at[second], "]", "]"]
        assert score([ontology.encode(tokens)], [gold], ontology)["exact_match"] == 100


def test_unseen_utterances_are_counted_apart() -> None:
    row = {"words": WORDS, "frame": GOLD.frame, "target": ["[IN:A", "[SL:B", "0", "0", "]", "]"]}
    (seen,) = gold_of([row], seen={tuple(WORDS)})
    (unseen,) = gold_of([row], seen=set())
    assert unseen == GOLD
    right, wrong = ONTOLOGY.encode(TARGET), ids("]")
    assert score([right, wrong], [seen, unseen], ONTOLOGY)["exact_match_unseen"] == 0
    assert score([wrong, right], [seen, unseen], ONTOLOGY)["exact_match_unseen"] == 100
    assert math.isnan(score([right], [seen], ONTOLOGY)["exact_match_unseen"])
