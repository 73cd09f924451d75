"""What a search can be told; the node `hydra.sweeper`. Imported by every Hydra app, so nothing heavy here."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class SearchSettings:
    """The settings of a search.

    Attributes:
        params: Parameter name to sweep, in Hydra's sweep syntax, or to a mapping of `range`, the sweep, and
            `when`, another parameter and its values with which this one counts.
        reference: Overrides of the reference model, which is trial 0 and normalises the objectives; null:
            none.
        objectives: The metrics to optimise, at least one, each `maximize` or `minimize`; null takes one away
            that another configuration has added.
        constraints: Bounds on metrics, such as `bytes <= 3e6` or `peak_memory_bytes <= 0.8 * reference`.
        strategy: Hydra node of a `nas.strategy.Strategy`.
        measure: Hydra node of a `nas.execution.measurement.Measurement`, or of a callable `(metrics, folder)
            -> metrics`, called in the search's process after each batch; null: none.
        check: Hydra node of what every trial needs, such as its data. It is made once, before all trials;
            what cannot be made ends the search there; null: nothing is.
        budget: Trials in all, the reference included; at least `initial`.
        initial: Size of the first round: the reference and Sobol points; at least 1.
        batch_size: Size of the rounds that follow; at least 1.
        seed: Seed of all random choices of the search.
        max_failure_rate: The search ends when more than this share of the ended trials failed; 0 to 1.
        max_retries: How often a job that vanished without a result is started again; at least 0.
        confirm: How many of the most promising trials are run again with new seeds when the budget is spent,
            beside the reference; at least 0.
        repetitions: How often each of these is run again; at least 1.
        seed_key: The key of the task's configuration that takes the new seeds.
        storage: URL of an Optuna storage; null: `study.db` in the sweep's folder.
        study_name: Name of the study in the storage; null: the folder's path, or `search` in `study.db`.
        irrelevant: Keys of the task's configuration that no result depends on; they may differ when a search
            goes on.
        accept_changes: Go on although the task's configuration, the strategy or the measurement differ from
            those of the trials so far.
    """

    params: dict[str, Any] = field(default_factory=dict)
    reference: Any = None
    objectives: dict[str, str | None] = field(default_factory=dict)
    constraints: list[str] = field(default_factory=list)
    strategy: Any = field(default_factory=lambda: {"_target_": "nas.strategy.bayesian.BayesianStrategy"})
    measure: Any = None
    check: Any = None
    budget: int = 24
    initial: int = 8
    batch_size: int = 8
    seed: int = 0
    max_failure_rate: float = 0.5
    max_retries: int = 1
    confirm: int = 0
    repetitions: int = 2
    seed_key: str = "seed"
    storage: str | None = None
    study_name: str | None = None
    irrelevant: list[str] = field(default_factory=list)
    accept_changes: bool = False
