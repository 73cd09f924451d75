import math

import pytest
import torch

from nlu.batches import Example, collate
from nlu.errors import ConfigError
from nlu.model.base import Sizes
from nlu.model.config import ModelConfig, build_model
from nlu.model.span_pointer import SpanPointer
from nlu.model.wellformed import is_well_formed
from tests.composing import compose_config

VOCAB, INTENTS, ONTOLOGY, LONGEST = 50, 3, 7, 20


def make(*overrides: str) -> SpanPointer:
    torch.manual_seed(0)
    config = ModelConfig.of(compose_config("train", "model.embed_dim=32", *overrides).model)
    model = build_model(config, Sizes(VOCAB, INTENTS, ONTOLOGY, LONGEST, LONGEST, ())).eval()
    assert isinstance(model, SpanPointer)
    return model


def utterances() -> list[tuple[torch.Tensor, torch.Tensor]]:
    source = torch.Generator().manual_seed(1)
    lengths = [(1, 1), (2, 1), (7, 5), (30, 12)]
    return [
        (torch.randint(1, VOCAB, (t,), generator=source), torch.arange(t)[:: max(t // w, 1)][:w])
        for t, w in lengths
    ]


@pytest.mark.parametrize("beam", [1, 3, 50])
@pytest.mark.parametrize("heads", [0, 2])
def test_one_utterance_alone_and_in_a_batch_parse_alike(beam: int, heads: int) -> None:
    model = make(f"model.length.beam={beam}", f"model.encoder.attention_heads={heads}")
    empty = torch.tensor([], dtype=torch.int64)
    batch = collate([(i, Example(*pair, empty)) for i, pair in enumerate(utterances())])
    with torch.inference_mode():
        together = model.predict(batch, 1)
        for ((ids, _),), pair in zip(together, utterances(), strict=True):
            assert model(*pair).tolist() == ids


@pytest.mark.parametrize("beam", [1, 5])
def test_an_answer_is_a_frame_over_the_words_of_the_utterance(beam: int) -> None:
    # Untrained, a model hardly ever chooses a frame by itself.
    model = make(f"model.length.beam={beam}")
    for pieces, starts in utterances():
        ids = model(pieces, starts).tolist()
        assert 2 <= len(ids) <= LONGEST
        assert is_well_formed(ids, INTENTS, ONTOLOGY)
        assert max(ids) < ONTOLOGY + len(starts)


def test_probabilities_sum_to_one_over_ontology_and_words() -> None:
    model = make()
    empty = torch.tensor([], dtype=torch.int64)
    batch = collate([(i, Example(*pair, empty)) for i, pair in enumerate(utterances())])
    encoded = model.encode(batch.pieces, batch.piece_mask, batch.word_starts, batch.word_mask)
    lengths = torch.tensor([4, 6, 2, 8])
    mask = torch.arange(8) < lengths.unsqueeze(1)
    scores = model.decode(lengths, mask, 8, encoded)
    ontology = torch.ones(4, ONTOLOGY, dtype=torch.bool)
    valid = torch.cat([ontology, batch.word_mask], dim=1).unsqueeze(1)
    total = scores.exp().masked_fill(~valid, 0.0).sum(dim=-1)
    torch.testing.assert_close(total[mask], torch.ones(int(mask.sum())), atol=1e-4, rtol=0)
    torch.testing.assert_close(encoded.lengths.exp().sum(dim=1), torch.ones(4))


def test_hypotheses_are_ranked_different_and_no_worse_when_more_are_searched() -> None:
    empty = torch.tensor([], dtype=torch.int64)
    batch = collate([(i, Example(*pair, empty)) for i, pair in enumerate(utterances())])
    model = make()
    best = [-math.inf] * len(utterances())
    for count in (1, 2, 5, LONGEST // 2):
        for place, ranked in enumerate(model.predict(batch, count)):
            assert len({tuple(ids) for ids, _ in ranked}) == len(ranked) == count
            scores = [score for _, score in ranked]
            assert scores == sorted(scores, reverse=True)
            assert scores[0] >= best[place] - 1e-4
            best[place] = scores[0]


def test_scripted_and_frozen_it_says_the_same() -> None:
    for beam in (1, 4):
        model = make(f"model.length.beam={beam}", "model.encoder.attention_heads=1")
        frozen = torch.jit.freeze(torch.jit.script(model))
        for pair in utterances():
            assert frozen(*pair).tolist() == model(*pair).tolist()


# Each of the model's knobs among the 24 hyperparameters, and another value than the default's.
KNOBS = {
    "embed_dim": 64,
    "embedding_dropout": 0.5,
    "encoder.num_layers": 3,
    "encoder.ffn_dim": 64,
    "encoder.max_kernel": 5,
    "encoder.conv_heads": 8,
    "encoder.attention_heads": 1,
    "encoder.dropout": 0.5,
    "decoder.num_layers": 1,
    "decoder.ffn_dim": 64,
    "decoder.max_kernel": 5,
    "decoder.attention_heads": 0,
    "decoder.cross_attention_heads": 8,
    "decoder.dropout": 0.5,
    "pointer.heads": 8,
    "length.conv_dim": 32,
    "length.beam": 4,
}


@pytest.mark.parametrize(("knob", "value"), KNOBS.items())
def test_every_knob_changes_the_module(knob: str, value: float) -> None:
    def anatomy(model: SpanPointer) -> str:
        shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        heads = [module.heads for module in model.modules() if hasattr(module, "heads")]
        rates = [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)]
        return f"{shapes} {heads} {rates} {model.beam}"

    assert anatomy(make(f"model.{knob}={value}")) != anatomy(make())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.encoder.max_kernel=4", r"model\.encoder\.max_kernel=4 .*odd"),
        ("model.encoder.num_layers=0", r"model\.encoder\.num_layers=0 .*at least 1"),
        ("model.pointer.heads=3", r"model\.pointer\.heads=3 .*divisor of 32"),
        ("model.decoder.cross_attention_heads=0", "divisor"),
        ("model.decoder.dropout=1.5", r"decoder\.dropout=1\.5 .*0 to below 1"),
        ("model.length.conv_dim=33", "multiple of 2"),
        ("model.embed_dim=wide", r"model\.embed_dim"),
        ("+model.colour=red", "colour"),
        ("~model.pointer", "pointer"),
    ],
)
def test_a_setting_that_cannot_work_is_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(override)
