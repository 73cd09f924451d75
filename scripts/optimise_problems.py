"""Test problems of `benchmark_bo.py part=optimise`: 24 parameters, two objectives to be maximised."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from botorch.test_functions.multi_objective import DTLZ2, BraninCurrin
from omegaconf import OmegaConf
from torch.quasirandom import SobolEngine

from nas.space import FloatParameter, Point, Space
from nas.sweep_syntax import parse_space

Objectives = tuple[float, float]
DIMENSION = 24
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Problem:
    """Something to optimise.

    Attributes:
        space: Its parameters.
        evaluate: The two objectives of a point, without noise.
        reference: The reference point of the hypervolume.
        noise: Standard deviations of the noise that is added to what an optimiser is told.
        start: A point that every run starts with, before Sobol points; None: Sobol points only.
    """

    space: Space
    evaluate: Callable[[Point], Objectives]
    reference: Objectives
    noise: Objectives = (0.0, 0.0)
    start: Point | None = None

    def initial(self, count: int, seed: int) -> list[Point]:
        """The points that every method starts with, the same for a seed."""
        first = [] if self.start is None else [self.start]
        engine = SobolEngine(self.space.dimension, scramble=True, seed=seed)  # type: ignore[no-untyped-call]
        units = engine.draw(count - len(first)).double().numpy()
        return first + self.space.decode(units)

    def observe(self, point: Point, rng: np.random.Generator) -> Objectives:
        """The objectives with noise."""
        first, second = self.evaluate(point)
        return (
            first + self.noise[0] * rng.standard_normal(),
            second + self.noise[1] * rng.standard_normal(),
        )


def branin_currin() -> Problem:
    """Branin and Currin (BoTorch's pair and reference point), two of 24 continuous parameters."""
    function = BraninCurrin(negate=True).double()
    return Problem(_cube(), _embedded(function, (3, 17)), (-18.0, -6.0))


def dtlz2() -> Problem:
    """DTLZ2 over six of 24 continuous parameters, with a little noise; the reference point is BoTorch's."""
    function = DTLZ2(dim=6, num_objectives=2, negate=True).double()
    return Problem(_cube(), _embedded(function, (0, 4, 9, 13, 18, 22)), (-1.1, -1.1), (0.01, 0.01))


def simulated_search() -> Problem:
    """A parser's accuracy and latency as smooth functions of its 24 hyperparameters, with noise.

    Both are ratios to the reference model's, so the reference point is (1, -1), as in a search. Accuracy
    saturates in the model's size and has optima in the training's hyperparameters; latency adds up the
    layers' operations.
    """
    config = OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / "space" / "nar_top.yaml"))
    assert isinstance(config, dict)
    space, _ = parse_space(config["params"], [])
    reference: Point = config["reference"]
    accuracy, latency = _accuracy(reference), _latency(reference)

    def evaluate(point: Point) -> Objectives:
        return _accuracy(point) / accuracy, -_latency(point) / latency

    return Problem(space, evaluate, (1.0, -1.0), (0.003, 0.01), reference)


PROBLEMS = {"branin_currin": branin_currin, "dtlz2": dtlz2, "simulated_search": simulated_search}


def _cube() -> Space:
    return Space(tuple(FloatParameter(f"x{i:02d}", 0.0, 1.0) for i in range(DIMENSION)))


def _embedded(
    function: Callable[[torch.Tensor], torch.Tensor], columns: tuple[int, ...]
) -> Callable[[Point], Objectives]:
    def evaluate(point: Point) -> Objectives:
        x = torch.tensor([float(point[f"x{i:02d}"]) for i in columns], dtype=torch.float64)
        first, second = function(x.unsqueeze(0))[0].tolist()
        return first, second

    return evaluate


def _latency(point: Point) -> float:
    """Operations for a sentence of ten words, weighted by how badly each kind runs on a phone."""
    p = {name: float(value) for name, value in point.items()}
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
    p = {name: float(value) for name, value in point.items()}
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
