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
# # The figures of a search
#
# You learn to redraw the figures of Eriksson et al. 2021 from a study: how well two surrogates predict trials that they have
# not seen, Sobol beside Bayesian optimisation, and which hyperparameters matter.
#
# `nas.open_study("outputs/search/…")` opens the study of a search of yours; every card below takes it. Here a simulated parser
# takes the place of trainings: accuracy and latency as smooth, noisy functions of the 24 hyperparameters.

# %%
import numpy as np

from nas import Search
from nas.benchmark.problems import simulated_search
from nas.report.cards import compare, make_card
from nas.strategy.bayesian import BayesianStrategy
from nas.strategy.sobol import SobolStrategy
from nas.surrogate.gp import GpSurrogate

# %%
problem = simulated_search()


def run(strategy, budget=96, batch=16):
    search = Search(
        problem.space, problem.goals, strategy, reference=problem.reference, initial=batch, seed=3
    )
    for _ in range(budget // batch):
        for trial in search.ask(batch):
            rng = np.random.default_rng(trial.number)
            search.tell(trial.number, problem.evaluate(trial.point, rng))
    return search.study


bayesian = run(BayesianStrategy(GpSurrogate(), name="gp"))
sobol = run(SobolStrategy())

# %% [markdown]
# ## Figure 3: Sobol beside Bayesian optimisation
#
# Both in units of the reference model. What lies above and to the left of it is better in both.

# %%
compare("comparison", {"Sobol": sobol, "Bayesian optimisation": bayesian})

# %% [markdown]
# ## Figure 2: predictions of left-out trials
#
# Every trial is predicted from all others, by a SAAS and by a MAP fit. The larger log density predicts better, uncertainty
# included; the paper found SAAS ahead in both objectives.

# %%
make_card("leave_one_out", bayesian)

# %% [markdown]
# ## Which hyperparameters matter?
#
# Sobol indices of the surrogate, with intervals: the share of an objective's variance that a parameter explains by itself and
# with others.

# %%
make_card("importance", bayesian)
