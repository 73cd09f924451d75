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
# # A search from plain Python
#
# You learn to search without Hydra: describe a space and what you are after, ask for points, tell what came out, and look at
# the trade-offs that were found.

# %%
import math

from nas import Goals, Search, parse_space
from nas.report.cards import make_card

# %% [markdown]
# ## A space and two objectives
#
# Ranges are written in Hydra's sweep syntax. The function stands for a training: wider and deeper models are more accurate with
# diminishing returns, and slower; the learning rate has an optimum.

# %%
space, _ = parse_space(
    {
        "width": "range(32, 257, 32)",
        "layers": "int(interval(1, 6))",
        "lr": "tag(log, interval(1e-4, 1e-1))",
        "dropout": "interval(0, 0.5)",
    },
    [],
)
goals = Goals.of({"accuracy": "maximize", "milliseconds": "minimize"})


def train(point):
    size = math.log(point["width"] * point["layers"])
    badly_trained = (math.log10(point["lr"]) + 2.5) ** 2 + 4 * (point["dropout"] - 0.1) ** 2
    return {
        "accuracy": 97 - 40 * math.exp(-0.6 * size) - 3 * badly_trained,
        "milliseconds": 0.3 + 1e-5 * point["layers"] * point["width"] ** 2,
    }


# %% [markdown]
# ## Ask and tell
#
# The reference is the model that is to be beaten, and the first trial. After a few points of a Sobol sequence the strategy
# proposes four at once, each knowing of the others.

# %%
search = Search(
    space, goals, reference={"width": 128, "layers": 4, "lr": 1e-3, "dropout": 0.1}, initial=8, seed=1
)
for batch in (8, 4, 4, 4, 4):
    for trial in search.ask(batch):
        search.tell(trial.number, train(trial.point))

make_card("front", search.study)

# %%
make_card("objectives", search.study)

# %% [markdown]
# ## How fast did it come?
#
# The hypervolume is the area that the front dominates beyond the reference: it grows only when a model is better in both
# objectives than all before.

# %%
make_card("hypervolume", search.study)

# %% [markdown]
# A training that fails is told as the exception that it raised; the search goes on and avoids its surroundings. What is asked
# for and not yet told counts as running, so several workers can ask one search.

# %%
[trial] = search.ask(1)
search.tell(trial.number, FloatingPointError("the loss is not finite")).state
