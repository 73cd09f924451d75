import os
from pathlib import Path

import pytest
from filelock import FileLock

from nas.benchmark.nlu24.build import build
from nas.strategy.optuna import OptunaStrategy
from tests.nas.benchmark.nlu24.studies import make_study

TPE = {"_target_": "optuna.samplers.TPESampler"}


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two Sobol studies and one of another strategy, all with the same reference model."""
    root = _shared(tmp_path_factory) / "studies"
    with FileLock(f"{root}.lock"):
        if not root.exists():
            make_study(root / "sobol-0", seed=0, budget=80, confirm=4)
            make_study(root / "sobol-1", seed=1, budget=80, confirm=4)
            make_study(root / "tpe-0", seed=2, budget=48, strategy=OptunaStrategy(TPE), name="tpe")
    return [root / "sobol-0", root / "sobol-1", root / "tpe-0"]


@pytest.fixture(scope="session")
def data(studies: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `nas.benchmark.nlu24.build` makes of them."""
    folder = _shared(tmp_path_factory) / "data"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            build(studies, folder, "0.1")
    return folder


def _shared(factory: pytest.TempPathFactory) -> Path:
    """A folder of this run that all its processes share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
