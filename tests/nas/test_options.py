"""Every option that conf/ offers to a search runs in a real one: real training, export and timing.

New files of conf/strategy, conf/device and conf/experiment are found by themselves.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latency.bundle_manifest import Bundle
from latency.device.adb import Adb
from latency.testing import PhoneDouble
from nas.search import main
from nas.strategy.optuna import NOTES
from nas.study.store import StoredStudy, open_study
from tests.composing import CONF, experiments_of
from tests.latency.conftest import program  # noqa: F401
from tests.latency.device.conftest import bundle, clients, own_cache, own_client, phones  # noqa: F401

STRATEGIES = sorted(path.stem for path in (CONF / "strategy").glob("*.yaml"))
DEVICES = sorted(path.stem for path in (CONF / "device").glob("*.yaml"))
EXPERIMENTS = experiments_of("nas.search")
SMALL = (
    "hydra/launcher=basic",
    "data.batch_size=16",
    "trainer.max_epochs=1",
    "protocol.blocks=1",
    "protocol.runs=500",
    "model.encoder.num_layers=1",
    "model.decoder.num_layers=1",
    "model.embed_dim=range(48, 65, 16)",
    "hydra.sweeper.reference={model.embed_dim: 48}",
    "export.parity_inputs=5",
    "search.max_failure_rate=0",
    "search.confirm=0",
)
GRAMMAR = ("data.load.sizes={train: 80, eval: 40, test: 10}",)
# Options that make a strategy quick, or show what it does within four trials.
QUICK = {
    "nsga2": ("strategy.sampler.population_size=2",),
    "adaptive": ("+strategy.surrogate.sparse.samples=64", "+strategy.surrogate.sparse.warmup=64"),
    "saasbo": ("strategy.surrogate.samples=64", "strategy.surrogate.warmup=64"),
}

Search = Callable[..., StoredStudy]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hydra_restore_singletons")]


@pytest.fixture
def search(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Search:
    """A search in this process: what is under test is the options, and starting Python takes longest."""

    def run(*overrides: str) -> StoredStudy:
        folder = tmp_path / "search"
        arguments = ["search", f"search.dir={folder}", f"paths.cache={cache}", *SMALL, *overrides]
        monkeypatch.setattr(sys, "argv", arguments)
        main()
        return open_study(folder)

    return run


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_completes_a_search(name: str, search: Search) -> None:
    rounds = ("search.budget=4", "search.initial=2", "search.batch_size=1")
    study = search(*GRAMMAR, "device.runner=python", f"strategy={name}", *rounds, *QUICK.get(name, ()))
    history = study.history
    assert len(history.completed) == 4
    assert {trial.origin for trial in history.trials[2:]} == {name}
    if name == "nsga2":
        generations = [t.attributes[NOTES]["NSGAIISampler:generation"] for t in history.trials[2:]]
        assert generations == [1, 1]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Adb]:
    """The first adb there is."""
    programs = [path for path in clients().values() if path is not None]
    if not programs:
        pytest.skip("there is no adb")
    with own_client(programs[0], tmp_path) as adb:
        yield adb


def _phone(phone: PhoneDouble, client: Adb, runner: Bundle) -> dict[str, str]:
    environment = ", ".join(f"{name}: '{value}'" for name, value in client.environment.items())
    return {
        "bundle": f"'{runner.path}'",
        "address": f"'{phone.address}'",
        "adb": f"{{_target_: latency.device.adb.Adb, program: '{client.program}', "
        f"environment: {{{environment}}}}}",
    }


@pytest.mark.device
@pytest.mark.parametrize("name", DEVICES)
def test_every_device_measures_the_trials_of_a_search(
    name: str, search: Search, request: pytest.FixtureRequest
) -> None:
    options: list[str] = []
    if name.startswith("android"):
        start, client, runner = (request.getfixturevalue(one) for one in ("phones", "client", "bundle"))
        settings = [_phone(start(), client, runner) for _ in range(2)]
        if name == "android":
            options = [f"++device.{key}={value}" for key, value in settings[0].items()]
        else:
            texts = [", ".join(f"{key}: {value}" for key, value in one.items()) for one in settings]
            target = "_target_: latency.device.android.AndroidDevice"
            options = [f"device.devices=[{', '.join(f'{{{target}, {text}}}' for text in texts)}]"]
    study = search(
        *GRAMMAR, f"device={name}", "strategy=sobol", "search.budget=3", "search.initial=3", *options
    )
    assert len(study.history.completed) == 3
    for trial in study.history.completed:
        metrics = trial.metrics
        assert 0 < float(metrics["latency_p99_ms_low"] or 0) <= float(metrics["latency_p99_ms"] or 0)
        assert float(metrics["latency_p99_ratio"] or 0) > 0


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_runs(name: str, search: Search, tiny_topv2: Path) -> None:
    study = search(
        f"experiment={name}",
        f"data.root={tiny_topv2}",
        "device.runner=python",
        "search.budget=3",
        "search.initial=2",
        "search.batch_size=1",
        "strategy=sobol",
    )
    assert len(study.history.completed) == 3
