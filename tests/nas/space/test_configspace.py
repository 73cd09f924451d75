import numpy as np
import pytest

from nas.space import Point
from nas.space.syntax import parse_space

pytest.importorskip("ConfigSpace")

from nas.space.configspace import configuration_space, to_configuration, to_point

PARAMS = {
    "x": "tag(log, interval(1e-3, 1))",
    "n": "range(2, 40, 3)",
    "layers": "tag(log, int(interval(1, 64)))",
    "heads": "choice(1, 2, 4, 8)",
    "widths": "[64],[128,32],null",
    "flag": "true,1,x",
    "m": {"range": "interval(0, 1)", "when": {"flag": [1, "x"]}},
}


def test_every_configuration_is_a_point_and_the_default_is_the_reference() -> None:
    space, _ = parse_space(PARAMS, [])
    reference: Point = {"x": 0.5, "n": 8, "layers": 3, "heads": 4, "widths": [128, 32], "flag": 1, "m": 0.25}
    found = configuration_space(space, reference, seed=0)
    assert to_point(space, found.get_default_configuration()) == reference
    points = [to_point(space, one) for one in found.sample_configuration(200)]
    for point in points:
        assert space.contains(point)
        assert point == space.canonical(point)
        assert to_point(space, to_configuration(space, found, point)) == point
    # Every value of a choice is reached, and logarithms are taken where they should be.
    assert {point["heads"] for point in points} == {1, 2, 4, 8}
    assert np.median([float(point["x"]) for point in points]) < 0.1  # type: ignore[arg-type]


def test_ranges_may_be_sampled_to_their_very_ends() -> None:
    space, _ = parse_space({"x": "tag(log, interval(1e-4, 1e-2))"}, [])
    assert to_point(space, {"x": np.float64(0.010000000000000002)}) == {"x": 0.01}
