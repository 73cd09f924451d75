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
# You learn to redraw the figures of Eriksson et al. 2021 from studies: Sobol beside Bayesian optimisation, how well two surrogates
# predict trials that they have not seen, which hyperparameters matter, and what the best models look like.
#
# The studies are those of [results/](../results/README.md): the 24 hyperparameters of a semantic parser, real trainings and real
# 99th percentiles of latency. `nas.open_study("outputs/search/…")` opens that of a search of yours; every card below takes it.

# %%
from pathlib import Path

import nas
from nas.report.cards import compare, make_card

STUDIES = Path("../results/studies")
sobol = nas.open_study(STUDIES / "sobol-1")
adaptive = nas.open_study(STUDIES / "adaptive-1")
saasbo = nas.open_study(STUDIES / "saasbo-1")
robust = nas.open_study(STUDIES / "saasbo_robust-1")
len(sobol), len(adaptive), len(saasbo), len(robust)

# %% [markdown]
# ## Figure 3: Sobol beside Bayesian optimisation
#
# Both in units of the reference model, the star. What lies above and to the left of it is better in both.

# %%
compare("comparison", {"Sobol": sobol, "adaptive": adaptive})

# %% [markdown]
# ## What each has found after how many trials
#
# The area beyond the reference model that the front covers, over trials and over hours.

# %%
compare("convergence", {"Sobol": sobol, "adaptive": adaptive, "saasbo": saasbo, "saasbo_robust": robust})

# %% [markdown]
# ## Of many results the best is too good
#
# The most promising models of the search, trained again with new seeds and measured again beside the reference model.

# %%
make_card("confirmation", adaptive)

# %% [markdown]
# ## Figure 2: predictions of left-out trials
#
# Every trial is predicted from all others, by a SAAS and by a MAP fit. The larger log density predicts better, uncertainty
# included; the paper found SAAS ahead in both objectives.

# %%
make_card("leave_one_out", adaptive)

# %% [markdown]
# ## Which hyperparameters matter?
#
# Sobol indices of the surrogate, with intervals: the share of an objective's variance that a parameter explains by itself and
# with others.

# %%
make_card("importance", adaptive)

# %% [markdown]
# ## What wins
#
# The front's architectures, beside the reference model's.

# %%
make_card("architectures", adaptive)
