"""The search space: typed parameters, points, and their place in the unit cube.

`nas.space.syntax` reads a space from Hydra's sweep syntax, `nas.space.optuna` translates one for Optuna.
"""

from nas.space.parameters import (
    FLOAT_DIGITS,
    Array,
    CategoricalParameter,
    FloatParameter,
    IntegerParameter,
    OrderedParameter,
    Parameter,
)
from nas.space.space import Condition, Space, difference, read_space, tell
from nas.space.values import Number, Point, Value, is_number

__all__ = [
    "FLOAT_DIGITS",
    "Array",
    "CategoricalParameter",
    "Condition",
    "FloatParameter",
    "IntegerParameter",
    "Number",
    "OrderedParameter",
    "Parameter",
    "Point",
    "Space",
    "Value",
    "difference",
    "is_number",
    "read_space",
    "tell",
]
