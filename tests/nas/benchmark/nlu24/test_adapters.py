"""The adapters in examples/, where the libraries that they are for are installed."""

import importlib.util
from pathlib import Path

import optuna
import pytest

from nas.benchmark.nlu24 import NLU24, TrialFailedError
from nas.space import Point
from nas.space.optuna import to_point
from tests.composing import ROOT


def test_optunahub(data: Path) -> None:
    optunahub = pytest.importorskip("optunahub")
    registry = str(ROOT / "examples" / "optunahub")
    problem = optunahub.load_local_module("nlu24", registry_root=registry).Problem(seed=3, data=data)
    study = optuna.create_study(directions=problem.directions, sampler=optuna.samplers.RandomSampler(0))
    study.optimize(problem, n_trials=8, catch=TrialFailedError)
    trial = study.best_trials[0]
    bench = NLU24(data=data)
    found = bench(to_point(bench.space, trial.params), seed=3)
    assert trial.values == [found[name] for name in problem.metric_names]


# CARP-S itself calls what ConfigSpace has deprecated.
@pytest.mark.filterwarnings("ignore:Please use:DeprecationWarning")
def test_carps(data: Path) -> None:
    pytest.importorskip("carps")
    spec = importlib.util.spec_from_file_location("nlu24_carps", ROOT / "examples" / "carps" / "nlu24.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    task = module.task(seed=0, data=data)
    from carps.utils.trials import StatusType, TrialInfo

    reference: Point = NLU24(data=data).reference
    default = task.input_space.configuration_space.get_default_configuration()
    assert dict(default) == reference
    value = task.objective_function.evaluate(TrialInfo(config=default, seed=5))
    found = NLU24(data=data)(reference, seed=5)
    assert value.cost == [100 - float(found["exact_match"]), found["latency_p99_ratio"]]  # type: ignore[arg-type]
    assert value.virtual_time == found["seconds"]
    failing = module.to_point(NLU24(data=data).space, reference | {"optim.lr": 1e-2})
    from ConfigSpace import Configuration

    configuration = Configuration(task.input_space.configuration_space, values=failing)
    statuses = {
        task.objective_function.evaluate(TrialInfo(config=configuration, seed=seed)).status
        for seed in range(20)
    }
    assert StatusType.CRASHED in statuses
