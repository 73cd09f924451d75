import numpy as np
import pytest
from matplotlib.patches import Rectangle
from omegaconf import OmegaConf

from nas.benchmark.simulated import REFERENCE, accuracy, latency
from nas.errors import ReportError
from nas.report.cards import make_card
from nas.report.cards.architectures import spread
from nas.space.syntax import parse_space
from nas.study import Goals, Proposal, Study, Suggestion
from tests.composing import compose_config
from tests.nas.report.conftest import MakeSearch

KEYS = ("model.encoder.num_layers", "model.embed_dim", "model.length.conv_dim")


def search(count: int, *fixed: str, reference: bool = True) -> Study:
    """Trials of the default search, evaluated by smooth functions of their parameters."""
    config = compose_config("search")
    space, _ = parse_space(OmegaConf.to_container(config.space.params, resolve=True), fixed)
    study = Study(space, Goals.of(dict(config.search.objectives)))
    points = space.decode(np.random.default_rng(0).random((count, space.dimension)))
    proposals = [Proposal(point, "sobol") for point in points]
    if reference:
        proposals[0] = Proposal(OmegaConf.to_container(config.space.reference, resolve=True), "reference")
    for trial in study.add(Suggestion(tuple(proposals))):
        point = REFERENCE | space.fixed | dict(trial.point)
        found = {"exact_match": 100 * accuracy(point), "latency_p99_ms": 1e-6 * latency(point)}
        study.complete(trial.number, found, seconds=1.0)
    return study


def test_the_reference_and_models_of_the_front_from_accurate_to_fast() -> None:
    study = search(40)
    card = make_card("architectures", study)
    assert card.rows is not None
    rows = {row[0]: row[1:] for row in card.rows.cells}
    numbers = [int(title.removeprefix("trial ")) for title in card.rows.columns[2:]]
    assert card.rows.columns[1] == "reference"
    assert len(numbers) == 5
    front = [trial.number for trial in study.history.front]
    assert set(numbers) < set(front)
    assert {front[0], front[-1]} - {0} <= set(numbers)
    matches = [study[number].values[0] for number in numbers]
    assert matches == sorted(matches, reverse=True)
    for key in KEYS:
        assert list(rows[key]) == [study[number].point[key] for number in (0, *numbers)]
    assert rows["latency_p99_ms"][0].endswith("(1.00)")


def test_blocks_are_as_many_as_layers_and_as_wide_as_dimensions() -> None:
    study = search(1)
    figure = make_card("architectures", study).figure
    assert figure is not None
    widths = [patch.get_width() for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    point = study[0].point
    encoder, decoder = (point[f"model.{side}.num_layers"] for side in ("encoder", "decoder"))
    assert len(widths) == 2 * encoder + 3 * decoder + 3
    # From the bottom: the embedding, then a layer of the encoder.
    assert widths[2] / widths[0] == pytest.approx(point["model.encoder.ffn_dim"] / point["model.embed_dim"])
    assert {text.get_text() for text in figure.axes[0].texts} >= {
        "encoder",
        "decoder",
        "pointer",
        "reference",
    }


def test_what_the_command_line_fixed_is_known_without_a_reference() -> None:
    card = make_card("architectures", search(3, "model.encoder.num_layers=2", reference=False))
    assert card.rows is not None
    rows = {row[0]: row[1:] for row in card.rows.cells}
    assert set(rows["model.encoder.num_layers"]) == {2}
    assert "reference" not in card.rows.columns


def test_what_the_configuration_fixed_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    study = search(3, reference=False)
    for trial in study.history.trials:
        del trial.point["model.embed_dim"]
    with pytest.raises(ReportError, match=r"does not tell model\.embed_dim; draw"):
        make_card("architectures", study)
    configuration = {"model": {"architecture": "span_pointer", "embed_dim": 96}}
    monkeypatch.setattr(study, "definition", {"settings": {"configuration": configuration}}, raising=False)
    rows = make_card("architectures", study).rows
    assert rows is not None
    assert {row[0]: row[1] for row in rows.cells}["model.embed_dim"] == 96
    configuration["model"]["architecture"] = "template"
    with pytest.raises(ReportError, match=r"model\.architecture=template"):
        make_card("architectures", study)


def test_other_apps_are_refused(make_search: MakeSearch) -> None:
    with pytest.raises(ReportError, match=r"does not tell tokenizer\.vocab_size and 14 others"):
        make_card("architectures", make_search())
    with pytest.raises(ReportError, match="no trial has completed"):
        make_card("architectures", make_search(0))


@pytest.mark.parametrize("count", [1, 5, 6, 40])
def test_the_chosen_points_are_spread_over_the_front(count: int) -> None:
    x = np.sort(np.random.default_rng(1).random(count))
    chosen = spread(np.column_stack([x, 1 - x**2]), 5)
    assert len(chosen) == min(count, 5)
    assert chosen == sorted(set(chosen))
    assert {0, count - 1} <= set(chosen)
    if count > 20:
        assert np.diff(x[chosen]).max() < 0.5
