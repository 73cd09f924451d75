# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Compare optimisers in a minute
#
# You learn to run several strategies, seed by seed, on NLU24, and to look at what matters: how much each has found after how many
# evaluations, and how much of a difference is the seeds'.
#
# [NLU24](../docs/nlu24.md) answers at once what a training and a measurement of a semantic parser would have given: exact match and
# latency's 99th percentile, as functions of 24 hyperparameters, with their noise.

# %%
# %matplotlib inline
import numpy as np

import nas
from nas.benchmark.nlu24 import NLU24
from nas.pareto import hypervolume_trace
from nas.report.style import new_figure
from nas.strategy.bayesian import BayesianStrategy
from nas.strategy.optuna import OptunaStrategy
from nas.strategy.sobol import SobolStrategy
from nas.surrogate.gp import GpSurrogate
from paretoparse.figures import CYCLE, LINES

problem = NLU24()
strategies = {
    "MAP GP": BayesianStrategy(GpSurrogate(), name="gp"),
    "TPE": OptunaStrategy({"_target_": "optuna.samplers.TPESampler"}),
    "Sobol": SobolStrategy(),
}
plan = nas.Plan(budget=80, initial=32, batch_size=16)

# %% [markdown]
# ## Run
#
# Every run of a seed begins with the same points, the reference model's first. What counts is the truth at the points that were
# tried, not the noisy results that the strategy saw: the area between the front and the reference model, in its units.

# %%
worst = np.array(problem.reference_point)
signs = problem.goals.signs  # exact match is to rise, latency to fall
traces = {}
for name, strategy in strategies.items():
    for seed in range(3):
        history = nas.optimise(problem, strategy, plan, seed=seed, reference_point=problem.reference_point)
        true = np.array([problem.goals.values(problem.true(trial.point)) for trial in history.trials])
        traces.setdefault(name, []).append(hypervolume_trace(true / worst * signs, signs))

# %% [markdown]
# ## Look
#
# Thin lines are seeds, thick ones their mean. One seed says little: compare the spread before the means.

# %%
figure, [[axes]] = new_figure(width=6.4, height=3.8)
for (name, found), color, style in zip(traces.items(), CYCLE, LINES, strict=False):
    evaluations = np.arange(1, plan.budget + 1)
    for trace in found:
        axes.plot(evaluations, trace, style, color=color, linewidth=0.7, alpha=0.6)
    axes.plot(evaluations, np.mean(found, axis=0), style, color=color, linewidth=2, label=name)
axes.set(xlabel="evaluations", ylabel="hypervolume beyond the reference model")
axes.legend(frameon=False)
figure

# %% [markdown]
# `python scripts/benchmark_bo.py part=optimise problems=[nlu24] seeds=20` does this for all strategies, resumably;
# [docs/nlu24.md](../docs/nlu24.md) says how a result is to be reported.
