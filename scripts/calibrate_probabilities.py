"""Are probabilities of beating the reference calibrated? `python scripts/calibrate_probabilities.py`.

Options: `problems=[simulated_search,dtlz2]` (also `branin_currin`), `methods=[gp,sobol,tpe]`, `seeds=5`,
`budget=48`, `q=8`, `confirm=4`.

Synthetic problems know the truth. Every search is looked at when half and when all of its budget is spent:
each completed trial's probability goes into a bin, beside whether the trial truly is better than the
reference in every objective. The same for what repetitions say of the trials that a search confirms in the
end; and for the result itself, one noisy result against another, which is what probabilities replace.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from omegaconf import OmegaConf

from nas.benchmark.problems import PROBLEMS, KnownProblem
from nas.confirmed import confirmed
from nas.execution.loop import Loop, Plan
from nas.execution.memory import MemoryExecutor
from nas.pareto import better_than
from nas.probability import beliefs
from nas.strategy import make_strategy
from nas.study import History, Study
from paretoparse.arguments import read_options
from paretoparse.checks import Range
from paretoparse.cli import CONF, plain_main
from paretoparse.errors import UsageError

EDGES = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)
# What is said, with what probability, and whether it is true.
Said = tuple[str, float, bool]


@dataclass
class Options:
    """What can be given on the command line."""

    problems: list[str] = field(default_factory=lambda: ["simulated_search", "dtlz2"])
    methods: list[str] = field(default_factory=lambda: ["gp", "sobol", "tpe"])
    seeds: int = 5
    budget: int = 48
    q: int = 8
    confirm: int = 4


def main(arguments: Sequence[str]) -> None:
    """Runs the searches and prints a table.

    Raises:
        UsageError: An argument is not usable.
    """
    options = read_options(arguments, Options())
    for name, low in (("seeds", 1), ("budget", 2), ("q", 1), ("confirm", 0)):
        Range(low=low, whole=True).check(name, getattr(options, name), UsageError)
    strategies = {file.stem for file in (CONF / "strategy").glob("*.yaml")}
    if unknown := ({*options.problems} - PROBLEMS.keys()) | ({*options.methods} - strategies):
        raise UsageError(f"not known: {', '.join(sorted(unknown))}; --help shows what there is.")
    said = [
        one
        for problem in options.problems
        for method in options.methods
        for seed in range(options.seeds)
        for one in search(PROBLEMS[problem](), method, seed, options)
    ]
    print("| said by | probability | trials | mean probability | truly better |")
    print("|---|---|---|---|---|")
    for source in dict.fromkeys(source for source, _, _ in said):
        found = np.array([(p, true) for name, p, true in said if name == source])
        bins = np.clip(np.searchsorted(EDGES, found[:, 0], side="right") - 1, 0, len(EDGES) - 2)
        for index in np.unique(bins):
            mine = found[bins == index]
            span = f"{EDGES[index]:g} to {EDGES[index + 1]:g}"
            print(f"| {source} | {span} | {len(mine)} | {mine[:, 0].mean():.3f} | {mine[:, 1].mean():.3f} |")
        brier = float(((found[:, 0] - found[:, 1]) ** 2).mean())
        print(f"| {source} | all, Brier score {brier:.4f} | {len(found)} | {found[:, 0].mean():.3f} ", end="")
        print(f"| {found[:, 1].mean():.3f} |", flush=True)


def search(problem: KnownProblem, method: str, seed: int, options: Options) -> Iterator[Said]:
    """One search: what is said of its trials, half way and in the end, and of those that it confirms."""
    # A problem with a reference model compares with the model; its point is what a user does not know.
    fixed = None if problem.reference is not None else problem.reference_point
    study = Study(problem.space, problem.goals, fixed_reference=fixed)
    executor = MemoryExecutor(
        lambda point, number: problem.evaluate(point, np.random.default_rng((seed, number))),
        study.goals.names,
    )
    strategy = make_strategy(OmegaConf.load(CONF / "strategy" / f"{method}.yaml"))
    for budget, confirm in ((options.budget // 2, 0), (options.budget, options.confirm)):
        plan = Plan(budget, options.q, options.q, seed=seed, confirm=confirm)
        Loop(study, strategy, executor, plan, reference=problem.reference).run()
        history = study.history
        found = beliefs(history)
        assert found is not None
        truth = truly_better(problem, history)
        for number, p in found.p_beats.items():
            yield "surrogate", p, truth[number]
        results = better_than(history.values(history.completed), history.reference)
        for trial, better in zip(history.completed, results, strict=True):
            if trial is not history.reference_trial:
                yield "one result", float(better), truth[trial.number]
    for number, one in confirmed(study).items():
        if one.p_beats is not None:
            yield "repetitions", one.p_beats, truth[number]


def truly_better(problem: KnownProblem, history: History) -> dict[int, bool]:
    """Trials to whether they are better than the reference in every objective, without noise."""
    goals = problem.goals
    values = [goals.values(problem.true(trial.point)) for trial in history.trials]
    matrix = goals.matrix([problem.reference_point, *values], np.ones(len(goals.names)))
    better = better_than(matrix[1:], matrix[0])
    return {trial.number: bool(one) for trial, one in zip(history.trials, better, strict=True)}


if __name__ == "__main__":
    plain_main(main, __doc__)
