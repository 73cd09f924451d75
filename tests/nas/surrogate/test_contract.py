"""Every surrogate keeps the contract."""

import inspect
from typing import Any

import pytest

from nas.surrogate import Surrogate
from nas.surrogate.adaptive import AdaptiveSurrogate
from nas.surrogate.errors import SurrogateError
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


COUNTS = [
    (kind, name)
    for kind in (GpSurrogate, MapSaasSurrogate, AdaptiveSurrogate, SaasSurrogate)
    for name, parameter in inspect.signature(kind).parameters.items()
    if type(parameter.default) is int
]


@pytest.mark.parametrize("value", [0, -1, 1.5, "many", None, True])
@pytest.mark.parametrize(("kind", "name"), COUNTS)
def test_a_count_that_is_none_is_refused_in_a_sentence(kind: Any, name: str, value: Any) -> None:
    with pytest.raises(SurrogateError, match=rf"^{name}={value} is out of range: .*\.$"):
        kind(**{name: value})
