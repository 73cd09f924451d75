"""The fitted SAAS GP as a BoTorch model: an ensemble over hyperparameter draws, without JAX."""

import torch
from botorch.models.fully_bayesian import (
    AbstractFullyBayesianSingleTaskGP,
    SaasFullyBayesianSingleTaskGP,
    SaasPyroModel,
)
from botorch.models.model import FantasizeMixin
from botorch.models.transforms.outcome import Standardize
from botorch.models.utils.gpytorch_modules import MIN_INFERRED_NOISE_LEVEL
from gpytorch.likelihoods import GaussianLikelihood
from torch import Tensor

from nas.surrogate.chains import Data
from nas.surrogate.errors import SurrogateError
from nas.surrogate.saas_prior import SaasPrior, Vector


class _DrawLoader(SaasPyroModel):  # type: ignore[misc, unused-ignore]
    """The part of BoTorch's class that turns draws into GPyTorch modules; sampling is not its job here."""

    def set_inputs(
        self,
        train_X: Tensor,
        train_Y: Tensor,
        train_Yvar: Tensor | None = None,
        task_feature: int | None = None,
        task_rank: int | None = None,
    ) -> None:
        """Keep the data, without the copies for JAX that BoTorch's own method makes; one task only."""
        self.train_X, self.train_Y, self.train_Yvar = train_X, train_Y, train_Yvar
        self.ard_num_dims = train_X.shape[-1]


# BoTorch's other models mix FantasizeMixin in likewise; the signatures differ in optional arguments only.
class SaasGP(SaasFullyBayesianSingleTaskGP, FantasizeMixin):  # type: ignore[misc]
    """BoTorch's fully Bayesian SAAS GP, filled with draws from this project's sampler.

    BoTorch refuses to construct its class where JAX is missing, although only its sampler needs it.
    Posterior, conditioning, fantasies and state dict are BoTorch's own.

    Args:
        train_X: `n x d` inputs in the unit cube, float64.
        train_Y: `n x 1` observations; they are standardised inside and predictions come back in their units.
        train_Yvar: `n x 1` known noise variances; None: one noise variance is inferred.
    """

    _pyro_model_class = _DrawLoader

    def __init__(self, train_X: Tensor, train_Y: Tensor, train_Yvar: Tensor | None = None) -> None:
        self._num_outputs: int = 1
        self._input_batch_shape = torch.Size()
        transform = Standardize(m=1)
        scaled, scaled_noise = transform(train_Y, train_Yvar)
        if scaled_noise is not None:
            scaled_noise = scaled_noise.clamp_min(MIN_INFERRED_NOISE_LEVEL)
        inputs, targets, _ = self._transform_tensor_args(X=train_X, Y=scaled)
        # Past BoTorch's constructor, whose first line asks for JAX.
        super(AbstractFullyBayesianSingleTaskGP, self).__init__(
            train_inputs=inputs, train_targets=targets, likelihood=GaussianLikelihood()
        )
        self.mean_module = self.covar_module = self.likelihood = None
        self.pyro_model = _DrawLoader()
        self.pyro_model.set_inputs(train_X, scaled, scaled_noise)
        self.outcome_transform = transform

    def data(self, prior: SaasPrior) -> Data:
        """What the sampler needs to know of this model."""
        data = self.pyro_model
        noise = None if data.train_Yvar is None else data.train_Yvar.squeeze(-1).numpy()
        return Data(prior, data.train_X.numpy(), data.train_Y.squeeze(-1).numpy(), noise)

    def load_draws(self, draws: Vector, prior: SaasPrior) -> None:
        """Make the ensemble out of draws.

        Args:
            draws: `s x size` unconstrained draws, as `Layout` orders them.
            prior: The prior they were drawn under.
        """
        self.load_mcmc_samples(self.data(prior).layout.constrain(draws, prior))
        self.eval()


def lengthscales(model: SaasGP) -> Tensor:
    """The draws' lengthscales, `s x d`, in units of the cube's side."""
    if model.covar_module is None:
        raise SurrogateError("The model holds no draws yet; fit it first.")
    scales: Tensor = model.covar_module.base_kernel.lengthscale.detach()
    return torch.flatten(scales, end_dim=-2)
