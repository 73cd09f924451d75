"""Numbers in, next trials out: the search for the best trade-offs.

In plain Python, without Hydra: `Search` for ask and tell, `optimise` for a function in memory.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.ask_tell import Search as Search
    from nas.execution.loop import Plan as Plan
    from nas.problem import Problem as Problem
    from nas.problem import optimise as optimise
    from nas.space import Space as Space
    from nas.space.syntax import parse_space as parse_space
    from nas.study import Goals as Goals
    from nas.study import History as History
    from nas.study import Trial as Trial
    from nas.study.store import open_study as open_study

# Every Hydra app imports this file with the sweeper's settings; so the rest is imported when it is used.
_HOMES = {
    "Goals": "nas.study",
    "History": "nas.study",
    "Plan": "nas.execution.loop",
    "Problem": "nas.problem",
    "Search": "nas.ask_tell",
    "Space": "nas.space",
    "Trial": "nas.study",
    "open_study": "nas.study.store",
    "optimise": "nas.problem",
    "parse_space": "nas.space.syntax",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nas' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
