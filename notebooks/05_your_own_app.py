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
# # Bring your own app, space and objectives
#
# You learn to search the settings of a Hydra app of your own, without a change to its training: three objectives, a
# constraint, a conditional parameter, and jobs side by side.

# %% [markdown]
# ## The app
#
# Any Hydra app whose task function returns its objectives, here in a dict with what else there is to know. It knows nothing of
# the search.

# %%
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from nas import open_study
from nas.report.cards import make_card

folder = Path(mkdtemp())
_ = (folder / "app.py").write_text(
    """
import math

import hydra


@hydra.main(version_base=None, config_path=".", config_name="config")
def train(config):
    capacity = 1 - math.exp(-config.width * config.layers / 200)
    step = math.log10(config.optimiser.lr) + 2.5
    momentum = config.optimiser.momentum if config.optimiser.name == "sgd" else 0.9
    return {
        "accuracy": capacity - 0.05 * step**2 - 0.1 * (momentum - 0.9) ** 2,
        "milliseconds": 0.2 + config.width**2 * config.layers / 5e4,
        "megabytes": 4 * config.width**2 * config.layers / 1e6,
    }


if __name__ == "__main__":
    train()
"""
)

# %% [markdown]
# ## The search, in its configuration
#
# `hydra/sweeper: pareto` is all that makes a search of it. `momentum` counts for one optimiser alone; a model of more than
# 0.8 times the reference's megabytes is not acceptable.

# %%
_ = (folder / "config.yaml").write_text(
    """
defaults:
  - _self_
  - override hydra/sweeper: pareto

width: 128
layers: 3
optimiser: {name: sgd, lr: 0.01, momentum: 0.8}

hydra:
  mode: MULTIRUN
  sweep: {dir: search}
  sweeper:
    params:
      width: range(16, 257, 16)
      layers: int(interval(1, 6))
      optimiser.name: choice(sgd, adam)
      optimiser.lr: tag(log, interval(1e-4, 1e-1))
      optimiser.momentum: {range: "interval(0, 0.99)", when: {optimiser.name: sgd}}
    objectives: {accuracy: maximize, milliseconds: minimize, megabytes: minimize}
    constraints: ["megabytes <= 0.8 * reference"]
    reference: {width: 128, layers: 3, optimiser.name: sgd, optimiser.lr: 0.01, optimiser.momentum: 0.8}
    budget: 24
    initial: 8
    batch_size: 8
"""
)
done = subprocess.run([sys.executable, "app.py"], cwd=folder, capture_output=True, text=True, check=False)
print("\n".join(done.stdout.splitlines()[-12:]))

# %% [markdown]
# ## What it found
#
# The folder has everything: one row a trial in `trials.csv`, the front in `pareto.csv`, figures, and the study itself.

# %%
study = open_study(folder / "search")
make_card("front", study)

# %%
make_card("objectives", study)

# %% [markdown]
# Interrupted? The same command goes on where it was. Another launcher, such as `hydra/launcher=joblib` or submitit's, runs jobs
# side by side. More trials are `hydra.sweeper.budget=48` on the same folder.
