import pytest
import torch
from torch.nn import functional

from nlu.errors import ConfigError
from nlu.model.base import disagreement, smoothed_nll
from nlu.task import OptimConfig


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_smoothing_is_the_library_s_when_every_class_exists(smoothing: float) -> None:
    logits, target = torch.randn(6, 5), torch.randint(0, 5, (6,))
    valid = torch.ones(6, 5, dtype=torch.bool)
    ours = smoothed_nll(logits.log_softmax(dim=-1), target, valid, smoothing)
    theirs = functional.cross_entropy(logits, target, label_smoothing=smoothing, reduction="none")
    torch.testing.assert_close(ours, theirs)


def test_classes_that_do_not_exist_change_nothing() -> None:
    logits, target = torch.randn(6, 5), torch.randint(0, 5, (6,))
    few = smoothed_nll(logits.log_softmax(-1), target, torch.ones(6, 5, dtype=torch.bool), 0.2)
    padded = torch.cat([logits.log_softmax(-1), torch.full((6, 3), -20.0)], dim=1)
    valid = torch.arange(8).expand(6, 8) < 5
    torch.testing.assert_close(smoothed_nll(padded, target, valid, 0.2), few)


def test_a_setting_outside_of_its_range_is_named() -> None:
    with pytest.raises(ConfigError, match=r"optim\.lr=-1"):
        OptimConfig(-1, 0, 0, 1, 0, 0)
    with pytest.raises(ConfigError, match=r"optim\.label_smoothing=1"):
        OptimConfig(1, 0, 0, 1, 1, 0)


def test_disagreement_is_the_mean_of_both_divergences() -> None:
    first, second = torch.randn(2, 5, 3, 7).log_softmax(dim=-1)
    both = disagreement(torch.cat([first, second]), torch.ones(10, 3, 7, dtype=torch.bool))
    one_way = functional.kl_div(second, first, reduction="none", log_target=True).sum(dim=-1)
    other_way = functional.kl_div(first, second, reduction="none", log_target=True).sum(dim=-1)
    torch.testing.assert_close(both, torch.cat([(one_way + other_way) / 2] * 2))


def test_disagreement_ignores_classes_that_cannot_be() -> None:
    rows = torch.randn(6, 4).log_softmax(dim=-1)
    padded = torch.cat([rows, torch.full((6, 2), -torch.inf)], dim=1)
    valid = torch.arange(6).expand(6, 6) < 4
    whole = disagreement(rows, torch.ones(6, 4, dtype=torch.bool))
    torch.testing.assert_close(disagreement(padded, valid), whole)
