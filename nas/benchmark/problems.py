"""Synthetic problems: 24 parameters, two objectives, noise that only the optimiser sees."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from omegaconf import OmegaConf

from nas.space import FloatParameter, Point, Space
from nas.space.syntax import parse_space
from nas.study import Goals
from paretoparse.cli import CONF

if TYPE_CHECKING:
    from botorch.test_functions.base import MultiObjectiveTestProblem

CUBE = [f"x{i:02d}" for i in range(24)]


@dataclass(frozen=True)
class SyntheticProblem:
    """A `nas.problem.Problem` whose objectives are known without noise.

    Attributes:
        space: Its parameters.
        goals: Its objectives.
        true: The objectives of a point, without noise.
        reference_point: The hypervolume's reference point, in the objectives' own units and directions.
        noise: Standard deviations of the objectives' noise.
        reference: The reference model's point, the first trial; None: there is none.
    """

    space: Space
    goals: Goals
    true: Callable[[Point], Mapping[str, float]]
    reference_point: tuple[float, ...]
    noise: tuple[float, ...]
    reference: Point | None = None

    def evaluate(self, point: Point, rng: np.random.Generator) -> dict[str, Any]:
        """The objectives with noise; see `nas.problem.Problem.evaluate`."""
        true = self.true(point)
        return {
            name: true[name] + deviation * rng.standard_normal()
            for name, deviation in zip(self.goals.names, self.noise, strict=True)
        }


def branin_currin() -> SyntheticProblem:
    """Branin and Currin (BoTorch's pair and reference point), two of 24 continuous parameters."""
    from botorch.test_functions.multi_objective import BraninCurrin

    return _embedded(BraninCurrin(), (3, 17), ("branin", "currin"), (18.0, 6.0), noise=0.0)


def dtlz2() -> SyntheticProblem:
    """DTLZ2 over six of 24 continuous parameters, with a little noise; the reference point is BoTorch's."""
    from botorch.test_functions.multi_objective import DTLZ2

    function = DTLZ2(dim=6, num_objectives=2)
    return _embedded(function, (0, 4, 9, 13, 18, 22), ("f1", "f2"), (1.1, 1.1), noise=0.01)


def simulated_search() -> SyntheticProblem:
    """A parser's accuracy and latency as smooth functions of its 24 hyperparameters, with noise.

    Both are ratios to the reference model's, so the reference point is (1, 1). Accuracy saturates in the
    model's size and has optima in the training's hyperparameters; latency adds up the layers' operations.
    """
    config = cast(dict[str, Any], OmegaConf.to_container(OmegaConf.load(CONF / "space" / "nar_top.yaml")))
    reference: Point = config["reference"]
    accuracy, latency = _accuracy(reference), _latency(reference)

    def true(point: Point) -> dict[str, float]:
        return {"accuracy": _accuracy(point) / accuracy, "latency": _latency(point) / latency}

    space, _ = parse_space(config["params"], [])
    goals = Goals.of({"accuracy": "maximize", "latency": "minimize"})
    return SyntheticProblem(space, goals, true, (1.0, 1.0), (0.003, 0.01), reference)


PROBLEMS = {"branin_currin": branin_currin, "dtlz2": dtlz2, "simulated_search": simulated_search}


def _embedded(
    function: "MultiObjectiveTestProblem",
    columns: Sequence[int],
    names: Sequence[str],
    reference_point: tuple[float, ...],
    *,
    noise: float,
) -> SyntheticProblem:
    """A function to be minimised of some of the cube's columns."""
    import torch

    function = function.double()
    space = Space(tuple(FloatParameter(name, 0.0, 1.0) for name in CUBE))

    def true(point: Point) -> dict[str, float]:
        x = torch.tensor([[float(cast(float, point[CUBE[i]])) for i in columns]], dtype=torch.float64)
        return dict(zip(names, function(x)[0].tolist(), strict=True))

    goals = Goals.of(dict.fromkeys(names, "minimize"))
    return SyntheticProblem(space, goals, true, reference_point, (noise,) * len(names))


def _latency(point: Point) -> float:
    """Operations for a sentence of ten words, weighted by how badly each kind runs on a phone."""
    p = {name: float(cast(float, value)) for name, value in point.items()}
    width = p["model.embed_dim"]

    def layers(side: str) -> float:
        conv = width * (3 + p[f"model.{side}.max_kernel"]) / 2 + 3 * width * width
        attention = 4 * width * width * (p[f"model.{side}.attention_heads"] > 0)
        return p[f"model.{side}.num_layers"] * (
            6e4 + conv + 0.7 * attention + 2 * width * p[f"model.{side}.ffn_dim"]
        )

    decoder = layers("decoder") + p["model.decoder.num_layers"] * 4 * width * width
    head = width * 60 + 3e4 * math.log2(1 + p["model.pointer.heads"])
    length = 2 * width * p["model.length.conv_dim"]
    return layers("encoder") + length + p["model.length.beam"] * (decoder + head)


def _accuracy(point: Point) -> float:
    """Exact match: what is lost to too small a model and to badly set training."""
    p = {name: float(cast(float, value)) for name, value in point.items()}
    capacity = (
        0.10 * math.exp(-p["model.embed_dim"] / 60)
        + 0.06 * math.exp(-p["model.encoder.num_layers"] / 1.2)
        + 0.04 * math.exp(-p["model.decoder.num_layers"])
        + 0.03 * math.exp(-p["model.encoder.ffn_dim"] / 150)
        + 0.02 * math.exp(-p["model.encoder.max_kernel"] / 6)
        + 0.02 * (p["model.decoder.attention_heads"] == 0)
        + 0.01 * (p["model.encoder.attention_heads"] == 0)
        + 0.01 * math.exp(-p["model.length.conv_dim"] / 100)
        - 0.004 * math.log(p["model.length.beam"])
    )
    step = math.log10(p["optim.lr"]) + 2.7 - 0.4 * math.log2(p["data.batch_size"] / 16) / 3
    training = (
        0.05 * step * step
        + 0.10 * (p["model.encoder.dropout"] - 0.15) ** 2
        + 0.15 * (p["model.decoder.dropout"] - 0.2) ** 2
        + 0.10 * (p["model.embedding_dropout"] - 0.1) ** 2
        + 0.01 * math.log10(p["optim.length_loss_weight"] / 0.4) ** 2
        + 0.10 * (p["optim.label_smoothing"] - 0.08) ** 2
        + 0.004 * math.log2(p["tokenizer.vocab_size"] / 3000) ** 2
    )
    return 0.92 - capacity - training
