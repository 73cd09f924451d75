"""Known noise: what a surrogate is told of how sure each observation is."""

from torch import Tensor


def known_noise(Yvar: Tensor | None, objective: int) -> Tensor | None:
    """One objective's noise variances, `n x 1`; None where they are to be inferred.

    Args:
        Yvar: `n x m`, variances; None: none is known. A column with a NaN is not known.
        objective: Its column.
    """
    if Yvar is None or bool(Yvar[:, objective].isnan().any()):
        return None
    return Yvar[:, objective : objective + 1]
