"""What a search can be told; the node `hydra.sweeper`. Imported by every Hydra app, so nothing heavy here."""

from dataclasses import dataclass, field
from typing import Any

from nas.errors import SettingsError


@dataclass
class SearchSettings:
    """The settings of a search.

    Attributes:
        params: Parameter name to sweep, in Hydra's sweep syntax.
        reference: Overrides of the reference model, which is trial 0 and normalises both objectives; null:
            none.
        objectives: The two metrics to optimise, each `maximize` or `minimize`.
        strategy: Hydra node of a `nas.strategy.Strategy`.
        measure: Hydra node of a callable `(metrics, job_dir) -> metrics`, called here after each batch;
            null: none.
        budget: Trials in all, the reference included; at least `initial`.
        initial: Size of the first batch: the reference and Sobol points; at least 1.
        batch_size: Size of the batches that follow; at least 1.
        seed: Seed of all random choices of the search.
        max_failure_rate: The search ends when more than this share of the ended trials failed; 0 to 1.
        max_retries: How often a job that vanished without a result is started again; at least 0.
        storage: URL of an Optuna storage; null: `study.db` in the sweep's folder.
        study_name: Name of the study in the storage; null: the folder's path, or `search` in `study.db`.
    """

    params: dict[str, Any] = field(default_factory=dict)
    reference: Any = None
    objectives: dict[str, str] = field(default_factory=dict)
    strategy: Any = field(default_factory=lambda: {"_target_": "nas.strategy.bayesian.BayesianStrategy"})
    measure: Any = None
    budget: int = 24
    initial: int = 8
    batch_size: int = 8
    seed: int = 0
    max_failure_rate: float = 0.5
    max_retries: int = 1
    storage: str | None = None
    study_name: str | None = None

    def check(self) -> None:
        """Refuses settings that cannot work.

        Raises:
            SettingsError: With the setting's name, its value and what is allowed.
        """
        for name, low in (("initial", 1), ("batch_size", 1), ("max_retries", 0), ("budget", self.initial)):
            if getattr(self, name) < low:
                raise SettingsError(
                    f"{name}={getattr(self, name)} is out of range: it must be at least {low}."
                )
        if not 0 <= self.max_failure_rate <= 1:
            raise SettingsError(
                f"max_failure_rate={self.max_failure_rate} is out of range: it must be 0 to 1."
            )
        if len(self.objectives) != 2:
            raise SettingsError(
                f"a search has two objectives; hydra.sweeper.objectives names {len(self.objectives)}."
            )
        for name, direction in self.objectives.items():
            if direction not in ("maximize", "minimize"):
                raise SettingsError(
                    f"objective {name}: '{direction}' is no direction; use maximize or minimize."
                )
