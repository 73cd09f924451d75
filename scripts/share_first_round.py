"""Begins a search with the first round of another, so that strategies that are compared share it.

    python scripts/share_first_round.py DIR TARGET
    python -m nas.search … strategy=OTHER search.dir=TARGET search.accept_changes=true

TARGET gets the study of DIR with the reference model and the Sobol points of the first round alone, as they
were trained and measured, and when. The search that goes on there has another strategy, the change to accept,
and trains the reference model again, to measure the others beside it. DIR may be running, or published.
"""

import json
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

from publish_study import copy_database

from nas.errors import StudyError
from nas.study.store import DATABASE, open_study
from nas.study.trials import ENDED
from paretoparse.cli import ArgumentParser, reported_errors


def main() -> None:
    """Run from the command line."""
    arguments = ArgumentParser(description="Begin a search with the first round of another.")
    arguments.add_argument("folder", type=Path, help="the search's folder")
    arguments.add_argument("target", type=Path, help="the new search's folder, which holds none yet")
    options = arguments.parse_args()
    study = open_study(options.folder)
    first = [trial for trial in study.history.trials if trial.round == 0]
    if not first or any(trial.state not in ENDED for trial in first):
        raise StudyError(f"the first round of {options.folder} is not over; wait until it is.")
    path = options.target / DATABASE
    if path.exists():
        raise StudyError(f"{path} exists; name a folder that holds no search.")
    options.target.mkdir(parents=True, exist_ok=True)
    copy_database(options.folder.resolve(), path)
    keep_first_round(path, len(first))
    print(f"{options.target}: {len(first)} trials")


def keep_first_round(path: Path, count: int) -> None:
    """Takes all but the first `count` trials out of a study's database, and what later rounds noted."""
    with closing(sqlite3.connect(path)) as database:
        later = "SELECT trial_id FROM trials WHERE number >= ?"
        owned = database.execute(
            "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' "
            "AND c.name = 'trial_id' AND m.name != 'trials'"
        ).fetchall()
        for (table,) in [*owned, ("trials",)]:
            database.execute(f"DELETE FROM {table} WHERE trial_id IN ({later})", (count,))
        points = database.execute(
            "SELECT t.number, a.key, a.value_json FROM trials t, trial_user_attributes a "
            "WHERE t.trial_id = a.trial_id AND a.key IN ('point', 'origin', 'attributes') ORDER BY t.number"
        )
        proposals: list[dict[str, object]] = [{} for _ in range(count)]
        for number, key, value in points:
            proposals[number][key] = json.loads(value)
        notes = {
            "token": uuid.uuid4().hex,
            "round": {"number": 0, "first": 0, "proposals": proposals},
            "suggest_seconds": {"0": 0.0},
        }
        database.execute("DELETE FROM study_user_attributes WHERE key IN ('diagnostics', 'repetitions')")
        for key, content in notes.items():
            update = "UPDATE study_user_attributes SET value_json = ? WHERE key = ?"
            database.execute(update, (json.dumps(content), key))
        database.commit()
        database.execute("VACUUM")


if __name__ == "__main__":
    with reported_errors():
        main()
