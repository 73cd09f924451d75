from collections.abc import Callable

import pytest
import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from paretoparse.errors import describe_error


def raised_by(action: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        action()
    return caught.value


def missing_key() -> None:
    config = OmegaConf.create({"optimiser": {"width": 3}})
    OmegaConf.set_struct(config, True)
    _ = config.optimiser.lr


def scripted_failure() -> None:
    unit = torch.jit.CompilationUnit(
        "def f(x: int):\n  if x > 0:\n    raise RuntimeError('too wide')\n  return x\n"
    )
    unit.f(1)


@pytest.mark.parametrize(
    ("action", "begins", "parts"),
    [
        (missing_key, "ConfigAttributeError: ", ["Key 'lr' is not in struct", "(optimiser.lr)"]),
        (
            lambda: instantiate({"_target_": "fractions.Fraction", "numerator": "a half"}),
            "ValueError: Invalid literal",
            ["'a half'"],
        ),
        (lambda: instantiate({"_target_": "no_such_module.Class"}), "ImportError: ", ["no_such_module"]),
        (
            lambda: torch.nn.Linear(2, 2).load_state_dict({"weight": torch.zeros(3, 3)}),
            "RuntimeError: Error(s) in loading state_dict for Linear: ",
            ['Missing key(s) in state_dict: "bias"', "size mismatch for weight"],
        ),
        (
            lambda: torch.jit.CompilationUnit("def f(x):\n  return torch.no_such_op(x)\n"),
            "RuntimeError: ",
            ["no_such_op"],
        ),
        (scripted_failure, "Error: ", ["too wide"]),
    ],
)
def test_what_is_said_is_the_message_and_not_its_last_line(
    action: Callable[[], object], begins: str, parts: list[str]
) -> None:
    told = describe_error(raised_by(action), limit=2000)
    assert told.startswith(begins)
    for part in parts:
        assert part in told
    for noise in ("\n", "object_type", "<--- HERE", "~~~", "full_key", "return torch"):
        assert noise not in told


def test_all_lines_of_a_plain_message_are_told() -> None:
    assert describe_error(RuntimeError("Out of memory.\n  See the manual\n")) == (
        "RuntimeError: Out of memory. See the manual"
    )
    assert describe_error(MemoryError()) == "MemoryError"


def test_a_stack_of_cpp_is_left_out() -> None:
    text = (
        "version 8 is too new\nException raised from f at ../x.cpp:3 (most recent call first):\nframe #0: x"
    )
    assert describe_error(RuntimeError(text)) == "RuntimeError: version 8 is too new"


@pytest.mark.parametrize(("code", "told"), [(None, 0), (0, 0), (3, 3), ("no data", "1 (no data)")])
def test_a_job_that_ends_its_process_says_so(code: int | str | None, told: int | str) -> None:
    assert describe_error(SystemExit(code)) == f"the job ended its process with exit code {told}"


def test_an_instantiation_error_without_a_cause_is_described_itself() -> None:
    assert describe_error(InstantiationException("no target")) == "InstantiationException: no target"


@given(st.text(), st.integers(20, 400))
def test_any_message_is_one_line_within_the_limit(message: str, limit: int) -> None:
    told = describe_error(ValueError(message), limit)
    assert len(told) <= limit
    assert len(told.splitlines()) == 1
