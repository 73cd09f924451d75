import math

import numpy as np
import pytest

from nas import Plan, optimise
from nas.benchmark.problems import PROBLEMS
from nas.strategy.sobol import SobolStrategy

# Objectives at three points of the unit cube, as published comparisons of strategies have them.
KNOWN = {
    "branin_currin": [
        (190.43602682988794, 7.890030342015684),
        (30.84197697253229, 10.384742992932974),
        (69.92277079675763, 5.823265230272811),
    ],
    "dtlz2": [
        (1.856128262183425, 0.11677769199536536),
        (1.1990714192539191, 0.26802421708832147),
        (1.1676242923653637, 0.6419068867411499),
    ],
    "simulated_search": [
        (0.7655363848639852, 0.07806795239561143),
        (0.8824364400075194, 0.21448860034949724),
        (0.9587759620096797, 1.6664189361817894),
    ],
}
# Shares of the trials that fail, and of the others that diverge; else they are the simulated search.
ROUGH = {"failing_search": (0.2, 0.0), "diverging_search": (0.0, 0.1), "rough_search": (0.2, 0.1)}
KNOWN |= dict.fromkeys(ROUGH, KNOWN["simulated_search"])


def test_every_problem_is_known_here() -> None:
    assert PROBLEMS.keys() == {*KNOWN, "nlu24"}


@pytest.mark.parametrize("name", KNOWN)
def test_objectives_keep_their_values(name: str) -> None:
    problem = PROBLEMS[name]()
    points = problem.space.decode(np.outer([0.1, 0.35, 0.8], np.linspace(0.4, 1.2, 24)))
    assert problem.space.dimension == 24
    for point, known in zip(points, KNOWN[name], strict=True):
        assert problem.goals.values(problem.true(point)) == pytest.approx(known, rel=1e-12)


@pytest.mark.parametrize("name", sorted(KNOWN.keys() - ROUGH.keys()))
def test_noise_has_its_deviation_and_is_its_generators(name: str) -> None:
    problem = PROBLEMS[name]()
    point = problem.space.decode(np.full((1, 24), 0.4))[0]
    rng = np.random.default_rng(0)
    draws = np.array([problem.goals.values(problem.evaluate(point, rng)) for _ in range(400)])
    # Three standard errors of a mean and of a standard deviation.
    noise = np.array(problem.noise)
    assert np.all(
        np.abs(draws.mean(axis=0) - problem.goals.values(problem.true(point))) <= 0.15 * noise + 1e-9
    )
    assert np.all(np.abs(draws.std(axis=0) - noise) <= 0.11 * noise + 1e-9)
    again = problem.evaluate(point, np.random.default_rng(0))
    assert problem.goals.values(again) == tuple(draws[0])


@pytest.mark.parametrize("name", ROUGH)
def test_a_rough_search_fails_and_diverges_where_it_says(name: str) -> None:
    problem = PROBLEMS[name]()
    points = problem.space.decode(np.random.default_rng(0).random((400, 24)))
    outcomes = []
    for i, point in enumerate(points):
        try:
            outcomes.append(problem.evaluate(point, np.random.default_rng(i))["accuracy"])
        except FloatingPointError:
            outcomes.append(math.nan)
    failed, diverged = np.isnan(outcomes), np.equal(outcomes, 0.0)
    failing, diverging = ROUGH[name]
    assert failed.any() == (failing > 0)
    assert diverged.any() == (diverging > 0)
    # Three standard errors of a share.
    assert abs(failed.mean() - failing) < 0.06
    assert abs(diverged.sum() / (~failed).sum() - diverging) < 0.05
    assert problem.reference is not None
    assert all(problem.evaluate(problem.reference, np.random.default_rng(i))["accuracy"] for i in range(50))


def test_only_the_columns_in_which_a_function_is_embedded_count() -> None:
    for name, columns in (("branin_currin", {3, 17}), ("dtlz2", {0, 4, 9, 13, 18, 22})):
        problem = PROBLEMS[name]()
        base = np.full((1, 24), 0.3)
        moved = np.repeat(base, 24, axis=0) + 0.5 * np.eye(24)
        before, *after = map(problem.true, problem.space.decode(np.vstack([base, moved])))
        assert {i for i, values in enumerate(after) if values != before} == columns


def test_the_simulated_reference_model_is_the_reference_point_and_the_first_trial() -> None:
    problem = PROBLEMS["simulated_search"]()
    assert problem.reference is not None
    assert problem.space.contains(problem.reference)
    assert problem.goals.values(problem.true(problem.reference)) == problem.reference_point
    history = optimise(
        problem,
        SobolStrategy(),
        Plan(initial=4, batch_size=4),
        budget=8,
        reference_point=problem.reference_point,
    )
    assert history.trials[0].point == problem.reference
    assert len(history.completed) == 8
    assert all(math.isfinite(value) for trial in history.completed for value in trial.values or ())
