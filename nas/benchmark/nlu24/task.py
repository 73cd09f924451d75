"""The benchmark as the task of `python -m nas.search task=nlu24`: no training, no measurement."""

from functools import lru_cache
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nas.benchmark.nlu24.problem import NLU24

# Jobs of one process share what they read.
_benchmark = lru_cache(NLU24)


class Task:
    """What stands in place of a trial's training.

    Args:
        kind: See `NLU24`.
        noisy: See `NLU24`.
        data: See `NLU24`.
    """

    def __init__(self, kind: str = "surrogate", noisy: bool = True, data: str | None = None) -> None:
        self._benchmark = _benchmark(kind, noisy=noisy, data=data)

    def __call__(self, config: DictConfig) -> dict[str, Any]:
        """The metrics of the point that a trial's configuration is; its `seed` is that of the noise."""
        names = self._benchmark.space.names
        point = {name: OmegaConf.select(config, name) for name in names}
        return self._benchmark(point, seed=config.seed)
