"""Every executor of this project keeps the contract."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from nas.execution.executor import Executor
from nas.execution.folders import Folders
from nas.execution.launcher import LauncherExecutor
from nas.execution.memory import MemoryExecutor
from nas.execution.outcomes import Outcomes, RecordedTask
from nas.testing.executors import ExecutorContract, task


def hydra_task(config: DictConfig) -> Any:
    return task(config.n)


class TestMemory(ExecutorContract):
    @pytest.fixture
    def executor(self) -> Executor:
        return MemoryExecutor(lambda point, number: task(number), ("gain", "cost"))


class TestLaunchers(ExecutorContract):
    @pytest.fixture(params=["basic", "joblib"])
    def executor(self, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
        (tmp_path / "conf").mkdir()
        (tmp_path / "conf" / "config.yaml").write_text("n: 0\n")
        with initialize_config_dir(str(tmp_path / "conf"), version_base="1.3"):
            overrides = [f"hydra/launcher={request.param}", f"hydra.sweep.dir={tmp_path}/sweep"]
            overrides += ["hydra.sweep.subdir=${hydra.job.num}", "hydra.mode=MULTIRUN", "hydra.job.name=app"]
            if request.param == "joblib":
                overrides.append("hydra.launcher.n_jobs=2")
            config = compose("config", overrides=overrides, return_hydra_config=True)
            loader = GlobalHydra.instance().config_loader()
            master = loader.load_configuration("config", overrides, run_mode=RunMode.MULTIRUN)
            OmegaConf.set_struct(config, False)
            context = HydraContext(loader, Callbacks())
            outcomes = Outcomes(tmp_path / "sweep" / "outcomes", "token")
            launcher = Plugins.instance().instantiate_launcher(
                hydra_context=context,
                task_function=RecordedTask(hydra_task, outcomes, ("gain", "cost")),
                config=master,
            )
            yield LauncherExecutor(
                launcher,
                outcomes,
                lambda point: [f"n={point['n']}"],
                Folders(context, master, {}),
                objectives=("gain", "cost"),
                max_retries=1,
            )
