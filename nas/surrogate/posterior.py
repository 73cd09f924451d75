"""What a surrogate's fit returns: Gaussian processes as plain tensors, which closed forms are made of."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from gpytorch.kernels import MaternKernel, ScaleKernel
from gpytorch.models import ExactGP
from torch import Tensor

from nas.surrogate import State
from nas.surrogate.diagnostics import FitDiagnostics
from nas.surrogate.errors import SurrogateError

if TYPE_CHECKING:
    from botorch.models.model_list_gp_regression import ModelListGP

# Added to noise-free variances, in units of the signal variance, so that points may coincide.
JITTER = 1e-8


@dataclass(frozen=True)
class Members:
    """One column's GPs: the same data, `s` sets of hyperparameters; all in standardised units.

    Attributes:
        X: `n x d`, the inputs.
        y: `n`, the observations.
        mean: `s`, the constant means.
        outputscale: `s`, the signal variances.
        lengthscale: `s x d`, of Matern-5/2 kernels.
        noise: `s x n`, the noise variances.
        scale: Factor from standardised to the column's own units.
        shift: Offset after it.
        drawn: Whether the sets are draws from their posterior; otherwise they are modes.
    """

    X: Tensor
    y: Tensor
    mean: Tensor
    outputscale: Tensor
    lengthscale: Tensor
    noise: Tensor
    scale: float
    shift: float
    drawn: bool = False

    @classmethod
    def of(cls, model: ExactGP) -> "Members":
        """Reads a model whose hyperparameters are at their mode.

        Args:
            model: A BoTorch model of one outcome, standardised or not; a single GP or an ensemble.

        Raises:
            SurrogateError: If its kernel is not a scaled Matern-5/2 kernel.
        """
        kernel = model.covar_module
        if not (
            isinstance(kernel, ScaleKernel)
            and isinstance(kernel.base_kernel, MaternKernel)
            and kernel.base_kernel.nu == 2.5
        ):
            raise SurrogateError("The surrogate must be a GP with a scaled Matern-5/2 kernel.")
        with torch.no_grad():
            # An ensemble keeps a copy of the data for each member.
            X = model.train_inputs[0].reshape(-1, *model.train_inputs[0].shape[-2:])[0]
            y = model.train_targets.reshape(-1, len(X))[0]
            lengthscale = kernel.base_kernel.lengthscale.reshape(-1, X.shape[1])
            s = len(lengthscale)
            noise = model.likelihood.noise
            transform = getattr(model, "outcome_transform", None)
            return cls(
                X=X,
                y=y,
                mean=model.mean_module(X).reshape(-1, len(X))[:, 0].expand(s).clone(),
                outputscale=kernel.outputscale.reshape(-1).expand(s).clone(),
                lengthscale=lengthscale.clone(),
                noise=noise.reshape(-1, noise.shape[-1]).expand(s, len(X)).clone(),
                scale=1.0 if transform is None else float(transform.stdvs.reshape(-1)[0]),
                shift=0.0 if transform is None else float(transform.means.reshape(-1)[0]),
            )

    def __len__(self) -> int:
        return len(self.lengthscale)

    def take(self, indices: Tensor) -> "Members":
        """Some of the members, in that order; an index may be repeated."""
        names = ("mean", "outputscale", "lengthscale", "noise")
        return replace(self, **{name: getattr(self, name)[indices] for name in names})

    def repeated(self, count: int) -> "Members":
        """The same members, in turns, until there are `count`; at least as many as there are."""
        return self.take(torch.arange(count) % len(self))

    def sample(self, normals: Tensor) -> Tensor:
        """Draws noise-free function values at the observed inputs.

        Args:
            normals: `n x samples` standard normal numbers.

        Returns:
            `s x samples x n` values.
        """
        prior = self.kernel(self.X, self.X)
        factor = _cholesky(prior + torch.diag_embed(self.noise))
        residual = (self.y - self.mean[:, None]).unsqueeze(-1)
        both = torch.linalg.solve_triangular(factor, torch.cat([prior, residual], dim=-1), upper=False)
        explained, whitened = both[..., :-1].transpose(-1, -2), both[..., -1:]
        posterior = prior - explained @ explained.transpose(-1, -2)
        posterior.diagonal(dim1=-2, dim2=-1).add_(JITTER * self.outputscale[:, None])
        values = explained @ whitened + _cholesky(posterior) @ normals
        drawn: Tensor = self.mean[:, None, None] + values.transpose(-1, -2)
        return drawn

    def kernel(self, A: Tensor, B: Tensor) -> Tensor:
        """Every member's covariance of the noise-free function.

        Args:
            A: `a x d` inputs.
            B: `b x d` inputs.

        Returns:
            `s x a x b` covariances, differentiable in `A` and `B`, also where two inputs coincide.
        """
        left, right = A / self.lengthscale.unsqueeze(1), B / self.lengthscale.unsqueeze(1)
        squared = (
            left.square().sum(-1, keepdim=True)
            + right.square().sum(-1).unsqueeze(-2)
            - 2 * left @ right.transpose(-1, -2)
        )
        covariance: Tensor = self.outputscale[:, None, None] * matern52(squared)
        return covariance


class _Matern52(torch.autograd.Function):
    """Matern-5/2 correlation of squared distances: the square root's slope at zero cancels."""

    @staticmethod
    def forward(ctx: Any, squared: Tensor) -> Tensor:
        scaled = squared.clamp_min(0.0).mul(5.0).sqrt_()
        decay = scaled.neg().exp_()
        slope = (1.0 + scaled).mul_(decay)
        ctx.save_for_backward(slope)
        correlation: Tensor = decay.mul_(scaled.square()).mul_(1.0 / 3.0).add_(slope)
        return correlation

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        result: Tensor = gradient * slope * (-5.0 / 6.0)
        return result


def matern52(squared: Tensor) -> Tensor:
    """Matern-5/2 correlation at squared scaled distances, of any shape; differentiable at zero."""
    correlation: Tensor = _Matern52.apply(squared)  # type: ignore[no-untyped-call]
    return correlation


@dataclass(frozen=True)
class Posterior:
    """What is known of all columns of some observations: independent GPs or ensembles of them.

    Attributes:
        members: One a column.
        diagnostics: Of the fit, one a column; none where nothing is sampled.
        state: What the next fit may start from, as JSON can hold it; None: nothing.
        rivals: Other posteriors that the observations speak for as much, each with the share of a batch, 0 to
            1, that is proposed by it.
    """

    members: tuple[Members, ...]
    diagnostics: tuple[FitDiagnostics, ...] = ()
    state: State | None = None
    rivals: tuple[tuple[float, "Posterior"], ...] = ()

    def divide(self, count: int) -> "list[tuple[Posterior, int]]":
        """This posterior and its rivals, each with how many points of a batch of that size it proposes."""
        parts, left = [], count
        for share, rival in self.rivals:
            size = min(left, round(share * count))
            parts.append((rival, size))
            left -= size
        return [(part, size) for part, size in [(self, left), *parts] if size > 0]

    def predict(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """The noise-free functions' moments, those of the mixture over the members.

        Args:
            X: `b x d` inputs in the unit cube.

        Returns:
            Means and variances, both `b x k`, in the observations' units.
        """
        moments = [_predict(one, X) for one in self.members]
        means, variances = zip(*moments, strict=True)
        return torch.stack(means, dim=1), torch.stack(variances, dim=1)

    def to_botorch(self) -> "ModelListGP":
        """The same as BoTorch models, for its acquisition functions."""
        from nas.surrogate.adapter import to_botorch

        return to_botorch(self.members)


def _predict(members: Members, X: Tensor) -> tuple[Tensor, Tensor]:
    nothing = torch.zeros(1, 0, dtype=members.X.dtype)
    with torch.no_grad():
        means, deviations = ConditionedMembers.given(members, members.X[:0], nothing).moments(X)
    means = means.squeeze(-1)
    variance = deviations.square().mean(dim=0) + means.var(dim=0, correction=0)
    return members.scale * means.mean(dim=0) + members.shift, members.scale**2 * variance


@dataclass
class ConditionedMembers:
    """Members given their noisy observations and noise-free function values at some more points.

    The values are `mean + L z` for the Cholesky factor L over observations and points together, so the `z` of
    the points are independent standard normal and one factor serves any number of sampled values.

    Attributes:
        members: The GPs.
        points: `N x d`, the inputs of the observations, then those of the sampled values.
        inverse: `s x N x N`, the inverse of the Cholesky factor.
        z: `s x samples x N`, what L maps to the observations' and the samples' deviations from the mean.
    """

    members: Members
    points: Tensor
    inverse: Tensor
    z: Tensor

    @classmethod
    def given(cls, members: Members, points: Tensor, normals: Tensor) -> "ConditionedMembers":
        """Conditions on the observations and on one sampled function value at each point and sample.

        Args:
            members: The GPs.
            points: `b x d` inputs.
            normals: `samples x b` standard normal numbers.
        """
        s, n, samples = len(members), len(members.X), len(normals)
        joined = torch.cat([members.X, points])
        covariance = members.kernel(joined, joined)
        diagonal = covariance.diagonal(dim1=-2, dim2=-1)
        diagonal[:, :n] += members.noise
        diagonal[:, n:] += JITTER * members.outputscale[:, None]
        factor = _cholesky(covariance)
        eye = torch.eye(len(joined), dtype=factor.dtype).expand_as(factor)
        inverse = torch.linalg.solve_triangular(factor, eye, upper=False)
        residual = (members.y - members.mean[:, None]).unsqueeze(-1)
        observed = (inverse[:, :n, :n] @ residual).squeeze(-1)
        z = torch.cat(
            [observed[:, None, :].expand(s, samples, n), normals.expand(s, samples, len(points))], dim=-1
        )
        return cls(members, joined, inverse, z)

    def moments(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """The function's distribution at single points.

        Args:
            X: `b x d` inputs.

        Returns:
            Means `s x b x samples` and standard deviations `s x b`.
        """
        weights = self._weights(X)
        mean = self.members.mean[:, None, None] + weights @ self.z.transpose(-1, -2)
        return mean, self._variance(weights).sqrt()

    def values(self) -> Tensor:
        """The sampled function values, `s x samples x b`."""
        n = len(self.members.X)
        mean, _ = self.moments(self.points[n:])
        return mean.transpose(-1, -2)

    def add(self, x: Tensor, normals: Tensor) -> None:
        """Condition on sampled values at one more point.

        Args:
            x: `d`, the input.
            normals: `samples` standard normal numbers.
        """
        weights = self._weights(x.unsqueeze(0))
        jitter = JITTER * self.members.outputscale[:, None]
        deviation = (self._variance(weights) + jitter).sqrt().unsqueeze(-1)
        # The inverse of [[L, 0], [w', sigma]] is [[L^-1, 0], [-w' L^-1 / sigma, 1 / sigma]].
        row = -(weights @ self.inverse) / deviation
        column = torch.zeros_like(self.inverse[:, :, :1])
        left = torch.cat([self.inverse, row], dim=1)
        right = torch.cat([column, 1 / deviation], dim=1)
        self.inverse = torch.cat([left, right], dim=2)
        self.points = torch.cat([self.points, x.unsqueeze(0)])
        self.z = torch.cat([self.z, normals[:, None].expand(len(self.z), -1, 1)], dim=-1)

    def _weights(self, X: Tensor) -> Tensor:
        return self.members.kernel(X, self.points) @ self.inverse.transpose(-1, -2)

    def _variance(self, weights: Tensor) -> Tensor:
        scale = self.members.outputscale[:, None]
        return torch.maximum(scale - weights.square().sum(-1), JITTER * scale)


def _cholesky(covariance: Tensor) -> Tensor:
    """The factor of a covariance; members that are not positive definite get more and more jitter."""
    if not bool(covariance.isfinite().all()):
        raise SurrogateError("The surrogate's hyperparameters are not finite; fit it again.")
    factor: Tensor
    factor, info = torch.linalg.cholesky_ex(covariance)
    jitter = JITTER
    while bool(info.any()):
        jitter *= 10
        scale = covariance.diagonal(dim1=-2, dim2=-1).mean(-1, keepdim=True)
        covariance.diagonal(dim1=-2, dim2=-1).add_(jitter * scale * (info > 0)[:, None])
        factor, info = torch.linalg.cholesky_ex(covariance)
    return factor
