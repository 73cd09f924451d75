"""NLU24: a benchmark of 24 hyperparameters, exact match and latency's 99th percentile, from real trainings.

::

    bench = NLU24()
    bench(bench.sample(seed=0))  # a dict of metrics, in less than a millisecond

Needs NumPy alone. `python -m nas.benchmark.nlu24.build` makes its data from studies; docs/nlu24.md has the
protocol.
"""

from nas.benchmark.nlu24.problem import NLU24, TrialFailedError

__all__ = ["NLU24", "TrialFailedError"]
