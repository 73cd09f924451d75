"""What results/ keeps of a search: its numbers, and what others need to draw or to continue it.

    python scripts/publish_study.py DIR results/studies/NAME

writes study.db, trials.csv, pareto.csv, metrics.json, metrics.csv with all that each training and measurement
returned, and origin.json with the command, the machine and the versions. Paths within the search's folder are
told from it; other settings are kept as they were given, so name data.root relatively. A running search may
be published; doing so again replaces what was there. Whoever copies study.db into a folder goes on with the
search by the command of origin.json and search.dir=FOLDER.
"""

import importlib.metadata
import json
import os
import platform
import sqlite3
from contextlib import closing
from pathlib import Path

from omegaconf import OmegaConf

from latency.device.host import processor
from nas.report.files import write_metrics
from nas.report.tables import metric_rows, to_csv, write_tables
from nas.study.store import DATABASE, open_study
from paretoparse.cli import ArgumentParser, reported_errors
from paretoparse.files import write_json, write_text

# What results depend on.
PACKAGES = (
    "paretoparse",
    "torch",
    "pytorch-lightning",
    "botorch",
    "gpytorch",
    "numpy",
    "scipy",
    "sentencepiece",
)


def main() -> None:
    """Run from the command line."""
    arguments = ArgumentParser(description="Keep what matters of a search, without this machine's paths.")
    arguments.add_argument("folder", type=Path, help="the search's folder")
    arguments.add_argument("target", type=Path, help="where to, such as results/studies/saasbo-1")
    options = arguments.parse_args()
    folder = options.folder.resolve()
    # Refuses what is no search before anything is written.
    open_study(folder)
    target = options.target
    target.mkdir(parents=True, exist_ok=True)
    copy_database(folder, target / DATABASE)
    study = open_study(target)
    write_tables(study, target)
    write_metrics(study, target)
    write_text(target / "metrics.csv", to_csv(metric_rows(study)))
    write_json(target / "origin.json", origin(folder))
    print(target)


def copy_database(folder: Path, path: Path) -> None:
    """Copies a search's database, whole even while the search runs, with paths told from its folder."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / DATABASE)) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
        for table in ("trial_user_attributes", "study_user_attributes"):
            within = json.dumps(f"{folder}/")[1:-1]
            copy.execute(f"UPDATE {table} SET value_json = replace(value_json, ?, '')", (within,))
        copy.commit()
        copy.execute("VACUUM")


def origin(folder: Path) -> dict[str, object]:
    """The command that made a search, and on what this machine is."""
    config = OmegaConf.load(folder / "multirun.yaml")
    overrides = OmegaConf.select(config, "hydra.overrides.task", default=[])
    return {
        "command": " ".join(["python -m nas.search", *overrides]).replace(str(folder), "DIR"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


if __name__ == "__main__":
    with reported_errors():
        main()
