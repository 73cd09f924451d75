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

folders = sorted(file.parent for file in Path("../results/studies").glob("*/study.db"))
studies = {folder.name: nas.open_study(folder) for folder in folders}
sobol, adaptive = studies["sobol-1"], studies["adaptive-1"]
{name: len(study) for name, study in studies.items()}

# %% [markdown]
# ## Figure 3: Sobol beside Bayesian optimisation
#
# Both in units of the reference model, the star. What lies above and to the left of it is better in both.

# %%
compare("comparison", {"Sobol": sobol, "adaptive": adaptive})

# %% [markdown]
# ## What each has found after how many trials
#
# The area beyond the reference model that the front covers, over trials and over hours. Searches of one strategy with other
# seeds are one line, with a band.

# %%
compare("convergence", studies)

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
