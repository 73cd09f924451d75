"""Surrogate models: what the trials so far say about the objectives."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

# Processes that only sample import this package too, and start seconds sooner without BoTorch.
if TYPE_CHECKING:
    from botorch.models.model_list_gp_regression import ModelListGP
    from torch import Tensor

    from nas.surrogate.diagnostics import FitDiagnostics


class Surrogate(Protocol):
    """A probabilistic model of the objectives.

    Attributes:
        diagnostics: Of the last fit, one an objective; none where nothing is sampled.
    """

    diagnostics: "Sequence[FitDiagnostics]"

    def fit(self, X: "Tensor", Y: "Tensor", Yvar: "Tensor | None" = None, *, seed: int) -> "ModelListGP":
        """Fits the model.

        Args:
            X: `n x d`, float64, in the unit cube; n is at least 1.
            Y: `n x m`, float64, to be maximised; finite.
            Yvar: `n x m`, known noise variances of `Y`; None, or a column with a NaN, to infer one variance.
            seed: Seed of all randomness.

        Returns:
            Independent BoTorch models, one an objective, whose posterior is in `Y`'s own units.
        """
