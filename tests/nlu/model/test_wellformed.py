import itertools

import pytest
import torch

from nlu.metrics import frame_of
from nlu.model.wellformed import best_well_formed, is_well_formed
from nlu.ontology import Ontology

ONTOLOGY = Ontology(("]", "[IN:A", "[IN:B", "[SL:X"))
INTENTS, SIZE, WORDS = 2, 4, ["a", "b"]


@pytest.mark.parametrize("length", [0, 1, 2, 4, 5, 6])
def test_the_check_agrees_with_the_reader_of_span_forms(length: int) -> None:
    for ids in itertools.product(range(SIZE + len(WORDS)), repeat=length):
        assert is_well_formed(list(ids), INTENTS, SIZE) == (frame_of(ids, WORDS, ONTOLOGY) is not None), ids


@pytest.mark.parametrize("length", [2, 4, 6])
@pytest.mark.parametrize("seed", range(5))
def test_the_search_finds_the_best_of_all_frames_of_a_length(length: int, seed: int) -> None:
    scores = torch.randn(
        length, SIZE + len(WORDS), generator=torch.Generator().manual_seed(seed)
    ).log_softmax(-1)
    frames = [
        ids
        for ids in itertools.product(range(SIZE + len(WORDS)), repeat=length)
        if is_well_formed(list(ids), INTENTS, SIZE)
    ]
    totals = {ids: sum(float(scores[t, token]) for t, token in enumerate(ids)) for ids in frames}
    best = max(totals, key=totals.__getitem__)
    found, score = torch.jit.script(best_well_formed)(scores, INTENTS, SIZE)
    assert tuple(found) == best
    assert score == pytest.approx(totals[best], abs=1e-5)


@pytest.mark.parametrize("length", [2, 8, 26, 58])
def test_the_search_gives_a_frame_for_any_scores(length: int) -> None:
    for seed in range(20):
        noise = torch.randn(length, 20, generator=torch.Generator().manual_seed(seed))
        ids, _ = best_well_formed((10 * noise).log_softmax(-1), 5, 12)
        assert is_well_formed(ids, 5, 12)
