"""Fitting a GP's hyperparameters to their posterior mode, whatever the data."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from botorch.exceptions.errors import ModelFittingError
from botorch.exceptions.warnings import BotorchWarning
from botorch.fit import fit_gpytorch_mll
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.models import ExactGP
from linear_operator.utils.warnings import NumericalWarning

# The last steps towards a flat mode change no prediction and take most of the time.
MAX_ITERATIONS = 150

logger = logging.getLogger(__name__)


@contextmanager
def degenerate_data_allowed() -> Iterator[None]:
    """Silence what is said of constant objectives and repeated points: noise and standardisation cope."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BotorchWarning)
        warnings.simplefilter("ignore", NumericalWarning)
        yield


def fit_to_mode(model: ExactGP) -> None:
    """Fit a BoTorch model in place; if that fails it keeps what it came with, with a warning."""
    start = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        fit_gpytorch_mll(
            ExactMarginalLogLikelihood(model.likelihood, model),
            optimizer_kwargs={"options": {"maxiter": MAX_ITERATIONS}},
        )
    except ModelFittingError as error:
        logger.warning("The surrogate keeps its initial hyperparameters, as their fit failed: %s", error)
        # BoTorch's ensembles take draws, not weights, by their own method of this name.
        torch.nn.Module.load_state_dict(model, start)
