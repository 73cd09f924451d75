import json
import math
from pathlib import Path

import numpy as np
import pytest

from nlu.metrics import Gold, bootstrap_interval, calibration_error, score_structure
from nlu.ontology import Ontology
from nlu.report import evaluate_predictions, write_report

ONTOLOGY = Ontology(("]", "[IN:A", "[IN:B", "[SL:C", "[SL:D"))
WORDS = ["x", "y", "z"]
TARGET = ["[IN:A", "[SL:C", 0, 1, "]", "]"]
GOLD = Gold(WORDS, "[IN:A [SL:C x y ] ]", TARGET, unseen=True, domain="one")


def ids(*tokens: str | int) -> list[int]:
    return ONTOLOGY.encode(tokens)


def test_structure_is_scored_apart_from_words() -> None:
    other_words = ids("[IN:A", "[SL:C", 0, 0, "]", "]")
    other_slot = ids("[IN:A", "[SL:D", 0, 1, "]", "]")
    metrics = score_structure([ids(*TARGET), other_words, other_slot, [0]], [GOLD] * 4, ONTOLOGY)
    assert metrics["well_formed"] == 75
    assert metrics["ontology_exact_match"] == 50
    # Of 4 gold and 3 predicted slots 1 is right; of the intents 2, since one keeps other words.
    assert metrics["slot_f1"] == pytest.approx(200 * 1 / 7)
    assert metrics["intent_f1"] == pytest.approx(200 * 2 / 7)


def test_a_right_frame_among_the_first_counts_at_that_rank() -> None:
    wrong = (ids("[IN:B", "]"), math.log(0.5))
    right = (ids(*TARGET), math.log(0.25))
    metrics = evaluate_predictions([[wrong, right], [right, wrong]], [GOLD, GOLD], ONTOLOGY, 2)
    assert metrics["exact_match"] == 50
    assert metrics["exact_match_at_2"] == 100
    assert metrics["exact_match_low"] <= 50 <= metrics["exact_match_high"]


def test_errors_and_tables_can_be_read(tmp_path: Path) -> None:
    predictions = [[(ids("[IN:B", "[SL:C", 2, 2, "]", "]"), -0.1)], [(ids(*TARGET), -0.1)]]
    write_report(predictions, [GOLD, GOLD], ONTOLOGY, tmp_path)
    (error,) = map(json.loads, (tmp_path / "errors.jsonl").read_text().splitlines())
    assert error["utterance"] == "x y z"
    assert error["predicted"] == "[IN:B [SL:C z ] ]"
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["by_domain"] == {"one": {"utterances": 2, "exact_match": 50.0}}
    assert summary["errors"]["root_intent"] == {"IN:A -> IN:B": 1}
    assert summary["errors"]["slots"] == {"SL:C -> SL:C with other words": 1}


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_an_interval_covers_the_rate_that_made_the_hits(rate: float) -> None:
    source = np.random.default_rng(1)
    covered = 0
    for seed in range(100):
        low, high = bootstrap_interval(source.random(400) < rate, seed=seed)
        covered += low <= 100 * rate <= high
    assert covered >= 88


def test_calibration_is_zero_for_honest_probabilities_only() -> None:
    source = np.random.default_rng(1)
    probabilities = source.random(20_000)
    hits = source.random(20_000) < probabilities
    assert calibration_error(probabilities, hits) < 2
    assert calibration_error(probabilities**2, hits) > 10
