"""What real jobs get: a tiny Hydra app with config groups, composed and started with points' overrides."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from nas.errors import SpaceError
from nas.space import Point, Space
from nas.space.syntax import parse_space

FILES = {
    "app.yaml": """
defaults: [model: small, data@source: left, data@target: left, _self_]
greeting: hi
drop: null
name: a
widths: [64]
flag: false
layers: [{width: 8}, {width: 16}]
""",
    "model/small.yaml": "width: 1",
    "model/large.yaml": "width: 2",
    "data/left.yaml": "kind: left",
    "data/right.yaml": "kind: right",
    "app.py": """
import json, sys
import hydra
from omegaconf import OmegaConf

@hydra.main(version_base="1.3", config_path=".", config_name="app")
def main(config):
    print("JOB", json.dumps(OmegaConf.to_container(config)))

main()
""",
}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        yield tmp_path


def parse(*arguments: str) -> tuple[Space, list[str]]:
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    return parse_space({}, arguments, hydra.config_loader)


def job(space: Space, others: list[str], point: Point) -> dict[str, Any]:
    config = OmegaConf.to_container(compose("app", overrides=[*others, *space.overrides(point)]))
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


TEXTS = ["hello, world", "range(1,5)", "true", "null", "1", "1e3", 'it\'s "so"', "\\", "a=b", "[1]", " a", ""]


@pytest.mark.parametrize(
    ("sweep", "key", "expected"),
    [
        ("drop=null,0.1,0.5", "drop", [None, 0.1, 0.5]),
        ("name=auto,1,2", "name", ["auto", 1, 2]),
        ("name=1,'1',1.0,true", "name", [1, "1", 1.0, True]),
        ("flag=true,false", "flag", [True, False]),
        ("widths=[128,32],[64]", "widths", [[128, 32], [64]]),
        ("widths=[],[[1,'2'],null]", "widths", [[], [[1, "2"], None]]),
        ('widths="[128, 32]","[64]"', "widths", ["[128, 32]", "[64]"]),
        ("+extra={a:1},{a:[x,'y z']}", "extra", [{"a": 1}, {"a": ["x", "y z"]}]),
        ("+extra=1,2", "extra", [1, 2]),
        ("++name=1,2", "name", [1, 2]),
        ("model=small,large", "model", [{"width": 1}, {"width": 2}]),
        ("model=glob(*)", "model", [{"width": 2}, {"width": 1}]),
        ("data@source=left,right", "source", [{"kind": "left"}, {"kind": "right"}]),
        ("layers.1.width=8,32", "layers", [[{"width": 8}, {"width": w}] for w in (8, 32)]),
        *[(f"name={text!r},0" if "'" not in text else "name='it\\'s \"so\"',0", "name", [text, 0])
          for text in TEXTS if text != "\\"],
    ],
)  # fmt: skip
@pytest.mark.usefixtures("app")
def test_a_job_gets_the_very_value(sweep: str, key: str, expected: list[Any]) -> None:
    space, others = parse(sweep)
    (parameter,) = space.parameters
    values = [parameter.values[i] for i in range(len(expected))]  # type: ignore[attr-defined]
    found = [job(space, others, {parameter.name: value})[key] for value in values]
    assert json.dumps(found) == json.dumps(expected)


@pytest.mark.usefixtures("app")
def test_a_glob_without_an_option_is_refused() -> None:
    with pytest.raises(SpaceError, match="finds no option"):
        parse("model=glob(tiny*)")


def test_jobs_of_a_multirun_get_what_their_points_say(app: Path) -> None:
    arguments = ['greeting="hello, world"', "+extra=null,[1]", "data@source=left,right", "~data@target"]
    space, others = parse(*arguments)
    point: Point = {"extra": [1], "data@source": "right"}
    done = subprocess.run(
        [sys.executable, "app.py", "-m", "name='range(1,5)','a, b'", *others, *space.overrides(point)],
        cwd=app,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    jobs = [json.loads(line[4:]) for line in done.stdout.splitlines() if line.startswith("JOB ")]
    assert [one["name"] for one in jobs] == ["range(1,5)", "a, b"]
    for one in jobs:
        assert (one["greeting"], one["extra"], one["source"]) == ("hello, world", [1], {"kind": "right"})
        assert "target" not in one
