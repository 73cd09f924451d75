import pytest
import torch

from nlu.batches import Batch, Example, collate
from nlu.errors import ConfigError
from nlu.model.base import LossSettings, ParserModel, Sizes
from nlu.model.config import ARCHITECTURES, ModelConfig, build_model
from nlu.model.nar_text import from_text, to_text
from nlu.model.span_pointer import SpanPointer
from nlu.model.wellformed import is_well_formed
from tests.composing import compose_config

TEMPLATES = ((1, 0), (1, 4, 7, 7, 0, 0), (2, 4, 7, 7, 0, 5, 7, 7, 0, 0), (3, 4, 1, 0, 0, 0))
SIZES = Sizes(
    vocab_size=50, intents=3, ontology_size=7, max_length=20, max_text_length=24, templates=TEMPLATES
)

# With layers that judge the hypotheses.
RESCORED = ("span_pointer", 2)


def make(architecture: str, *overrides: str) -> ParserModel:
    torch.manual_seed(0)
    config = compose_config("train", f"model={architecture}", "model.embed_dim=32", *overrides).model
    return build_model(ModelConfig.of(config), SIZES).eval()


def utterances() -> list[tuple[torch.Tensor, torch.Tensor]]:
    source = torch.Generator().manual_seed(1)
    lengths = [(1, 1), (2, 1), (7, 5), (30, 12)]
    return [
        (torch.randint(1, 50, (t,), generator=source), torch.arange(t)[:: max(t // w, 1)][:w])
        for t, w in lengths
    ]


def batch_of(pairs: list[tuple[torch.Tensor, torch.Tensor]]):  # type: ignore[no-untyped-def]
    target = torch.tensor([1, 4, 7, 7, 0, 0])
    return collate([(place, Example(*pair, target)) for place, pair in enumerate(pairs)])


@pytest.mark.parametrize(("architecture", "layers"), [*((name, 0) for name in ARCHITECTURES), RESCORED])
@pytest.mark.parametrize("beam", [1, 3])
def test_one_utterance_alone_in_a_batch_and_exported_parse_alike(
    architecture: str, layers: int, beam: int
) -> None:
    model = make(architecture, f"model.length.beam={beam}", f"model.rescorer.num_layers={layers}")
    frozen = torch.jit.freeze(torch.jit.script(model))
    with torch.inference_mode():
        together = model.predict(batch_of(utterances()), 1)
        for (ids, score), *_ in together:
            assert is_well_formed(ids, SIZES.intents, SIZES.ontology_size)
            assert score < 0
        for ranked, pair in zip(together, utterances(), strict=True):
            assert model(*pair).tolist() == ranked[0][0] == frozen(*pair).tolist()
            assert max(ranked[0][0]) < SIZES.ontology_size + len(pair[1])


@pytest.mark.parametrize(("architecture", "layers"), [*((name, 0) for name in ARCHITECTURES), RESCORED])
def test_it_learns_a_frame_by_heart(architecture: str, layers: int) -> None:
    model = make(
        architecture,
        "model.embedding_dropout=0",
        "model.length.beam=3",
        f"model.rescorer.num_layers={layers}",
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    batch = batch_of(utterances()[2:])
    first = 0.0
    for step in range(60):
        losses = model.losses(batch, LossSettings())
        loss = losses.token + losses.length + losses.rescoring
        first = first if step else float(loss.detach())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert float(loss.detach()) < 0.2 * first
    with torch.inference_mode():
        for ranked in model.eval().predict(batch, 1):
            assert ranked[0][0] == [1, 4, 7, 7, 0, 0]


@pytest.mark.parametrize(("architecture", "layers"), [*((name, 0) for name in ARCHITECTURES), RESCORED])
def test_dropout_alone_makes_the_same_utterances_disagree(architecture: str, layers: int) -> None:
    model = make(architecture, f"model.rescorer.num_layers={layers}")
    batch = Batch(*(torch.cat([part, part]) for part in batch_of(utterances())))

    def losses(consistency: float) -> torch.Tensor:
        torch.manual_seed(0)
        parts = model.losses(batch, LossSettings(consistency=consistency))
        return torch.stack([parts.token, parts.length, torch.zeros(()) + parts.rescoring])

    without, with_it = losses(0), losses(1)
    torch.testing.assert_close(with_it, without)
    model.train()
    without, with_it, twice = losses(0), losses(1), losses(2)
    learnt = without > 0
    assert (with_it > without)[learnt].all()
    torch.testing.assert_close(twice - without, 2 * (with_it - without))
    twice.sum().backward()
    assert all(
        parameter.grad.isfinite().all() for parameter in model.parameters() if parameter.grad is not None
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_more_hypotheses_are_different_ranked_and_frames(architecture: str) -> None:
    with torch.inference_mode():
        for ranked in make(architecture).predict(batch_of(utterances()), 3):
            assert 1 <= len(ranked) <= 3
            assert len({tuple(ids) for ids, _ in ranked}) == len(ranked)
            assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)
            assert all(is_well_formed(ids, SIZES.intents, SIZES.ontology_size) for ids, _ in ranked)


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(ConfigError, match=r"model\.architecture=magic"):
        make("span_pointer", "model.architecture=magic")


def test_text_forms_and_span_forms_are_each_other_s_inverse() -> None:
    for ids in ([1, 0], [1, 4, 7, 9, 0, 0], [1, 4, 7, 7, 0, 5, 8, 8, 0, 0], [1, 4, 2, 5, 9, 12, 0, 0, 0, 0]):
        text = to_text(ids, SIZES.ontology_size)
        assert from_text(text, SIZES.ontology_size) == ids
    assert to_text([1, 4, 7, 9, 0, 0], 7) == [1, 4, 7, 8, 9, 0, 0]
    assert not is_well_formed(from_text([1, 4, 7, 9, 0, 0], 7), 3, 7)


def test_a_rescorer_ranks_frames_by_the_mean_of_both_opinions() -> None:
    plain, rescored = make("span_pointer"), make("span_pointer", "model.rescorer.num_layers=1")
    assert isinstance(rescored, SpanPointer)
    assert rescored.rescorer is not None
    rescored.load_state_dict(plain.state_dict(), strict=False)
    pieces, starts = utterances()[2]
    with torch.inference_mode():
        before = {tuple(ids): score for ids, score in plain.search(pieces, starts, 4)}
        after = rescored.search(pieces, starts, 4)
        encoded = rescored.encode(pieces.unsqueeze(0), None, starts.unsqueeze(0), None)
        for ids, score in after:
            # Token by token, as the autoregressive parser computes it.
            memories = rescored.rescorer.memories(encoded.pieces)
            caches: list[torch.Tensor] = []
            total, last = 0.0, -1
            for position, token in enumerate(ids):
                scores, caches = rescored.rescorer.step(
                    torch.tensor([[last]]), position, encoded.words, caches, memories
                )
                total += float(scores[0, token])
                last = token
            assert score == pytest.approx((before[tuple(ids)] + total) / 2, rel=1e-5)
    assert [score for _, score in after] == sorted((score for _, score in after), reverse=True)
