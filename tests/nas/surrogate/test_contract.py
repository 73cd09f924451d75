"""Every surrogate keeps the contract."""

from nas.surrogate import Surrogate
from nas.surrogate.adaptive import AdaptiveSurrogate
from nas.surrogate.gp import GpSurrogate
from nas.surrogate.map_saas import MapSaasSurrogate
from nas.surrogate.saas import SaasSurrogate
from nas.testing.surrogates import SurrogateContract


class TestGp(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return GpSurrogate()


class TestMapSaas(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return MapSaasSurrogate(2)


class TestAdaptive(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return AdaptiveSurrogate(SaasSurrogate(warmup=48, samples=48, thinning=8, max_tree_depth=4))


class TestSaas(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return SaasSurrogate(warmup=48, samples=48, thinning=8, max_tree_depth=4)
