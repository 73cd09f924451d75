"""Every strategy of this project keeps the contract."""

import pytest
from omegaconf import OmegaConf

from nas.strategy import Strategy, make_strategy
from nas.testing.strategies import StrategyContract
from tests.composing import CONF

# Long enough chains to run; whether they converge is for other tests.
SHORT = {"warmup": 32, "samples": 32, "thinning": 8, "max_tree_depth": 3}
QUICK = {"saasbo": {"surrogate": SHORT}, "adaptive": {"surrogate": {"sparse": SHORT}}}
FILES = sorted(path.stem for path in (CONF / "strategy").glob("*.yaml"))


class TestStrategies(StrategyContract):
    @pytest.fixture(params=FILES)
    def strategy(self, request: pytest.FixtureRequest) -> Strategy:
        node = OmegaConf.load(CONF / "strategy" / f"{request.param}.yaml")
        merged = OmegaConf.merge(node, QUICK.get(request.param, {}))
        return make_strategy(OmegaConf.to_container(merged))
