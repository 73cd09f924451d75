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
# You learn to run several strategies, seed by seed, on one problem, and to look at what matters: how much each has found after
# how many evaluations, and how much of a difference is the seeds'.

# %%
# %matplotlib inline
import numpy as np

import nas
from nas.benchmark.problems import simulated_search
from nas.pareto import hypervolume_trace
from nas.report.style import new_figure
from nas.strategy.bayesian import BayesianStrategy
from nas.strategy.optuna import OptunaStrategy
from nas.strategy.sobol import SobolStrategy
from nas.surrogate.gp import GpSurrogate
from paretoparse.figures import CYCLE, LINES

problem = simulated_search()
strategies = {
    "MAP GP": BayesianStrategy(GpSurrogate(), name="gp"),
    "TPE": OptunaStrategy({"_target_": "optuna.samplers.TPESampler"}),
    "Sobol": SobolStrategy(),
}
plan = nas.Plan(budget=64, initial=16, batch_size=16)

# %% [markdown]
# ## Run
#
# Accuracy and latency of a simulated parser, in units of its reference model. Every run of a seed begins with the same points.
# What counts is the truth at the points that were tried, not the noisy results that the strategy saw: the area that they
# dominate, counted from 0.95 of the reference's accuracy and 1.5 times its latency.

# %%
signs = problem.goals.signs  # accuracy is to rise, latency to fall
worst = np.array([0.95, 1.5])
traces = {}
for name, strategy in strategies.items():
    for seed in range(3):
        history = nas.optimise(problem, strategy, plan, seed=seed)
        true = np.array([problem.goals.values(problem.true(trial.point)) for trial in history.trials])
        traces.setdefault(name, []).append(hypervolume_trace(true * signs, worst * signs))

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
axes.set(xlabel="evaluations", ylabel="hypervolume (higher is better)")
axes.legend(frameon=False)
figure

# %% [markdown]
# `python scripts/benchmark_bo.py part=optimise` does this for all strategies, problems and seeds, resumably.
