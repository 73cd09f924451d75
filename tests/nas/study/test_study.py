import math
from collections.abc import Callable

import pytest

from nas.study import Proposal, Study, Suggestion, TrialState
from tests.nas.conftest import draw_points


def suggested(study: Study, count: int) -> Suggestion:
    return Suggestion(
        tuple(Proposal(point, "sobol", {"k": i}) for i, point in enumerate(draw_points(study.space, count))),
        diagnostics=({"objective": 0},),
        state={"drawn": count},
    )


def test_a_trial_passes_through_its_states(study: Study) -> None:
    suggestion = suggested(study, 1)
    (trial,) = study.add(suggestion, seconds=2.0)
    assert (trial.state, trial.point, trial.round) == (TrialState.RUNNING, suggestion.proposals[0].point, 0)
    study.trained(0, {"accuracy": 1.0}, seconds=2.0, folder="f", files={"artifact": "a.pt"})
    assert study.open(TrialState.TRAINED) == [study[0]]
    study.unmeasured(0, "measurement: gone")
    assert study.open() == []
    assert study.history.failed == [study[0]]
    trial = study.complete(0, {"accuracy": 1.0, "latency": 2.5, "name": "m"}, seconds=3.0)
    assert (trial.state, trial.values, trial.error) == (TrialState.COMPLETED, (1.0, 2.5), None)
    assert (trial.folder, trial.files, trial.attributes) == ("f", {"artifact": "a.pt"}, {"k": 0})
    assert study.history.completed == [trial]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "high", True])
def test_an_objective_that_is_no_finite_number_is_a_failure(study: Study, value: float) -> None:
    study.add(suggested(study, 1))
    trial = study.complete(0, {"accuracy": value, "latency": 1.0}, seconds=1.0)
    assert trial.state is TrialState.FAILED
    assert trial.error == f"the metric accuracy is {value}, not a finite number."
    assert repr(trial.metrics["accuracy"]) == repr(value)


def test_a_round_that_was_cut_short_is_finished_as_it_was_proposed(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    suggestion = suggested(study, 4)
    create: Callable[..., None] = study._create

    def killed(trial: object) -> None:
        if len(study) == 2:
            raise KeyboardInterrupt
        create(trial)

    monkeypatch.setattr(study, "_create", killed)
    with pytest.raises(KeyboardInterrupt):
        study.add(suggestion, seconds=2.0)
    assert len(study) == 2
    monkeypatch.undo()
    assert [trial.number for trial in study.finish_round()] == [2, 3]
    assert [trial.point for trial in study.history.trials] == [p.point for p in suggestion.proposals]
    assert study.history.state == {"drawn": 4}
    assert study.diagnostics == {"0": [{"objective": 0}]}
    assert study.suggest_seconds == {"0": 2.0}
    assert study.finish_round() == []
    assert study.rounds == 1
