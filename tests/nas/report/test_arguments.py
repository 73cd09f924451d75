from pathlib import Path

import pytest

from nas.errors import ReportError
from nas.report.arguments import study_folders, titles


@pytest.mark.parametrize(
    "name", ["12", "3", "1e3", "null", "true", "a=b,c=d", "${x}", "runs/[1]", "ein Ordner"]
)
def test_a_folder_may_have_any_name(name: str) -> None:
    assert study_folders({"study": name}) == [Path(name)]


def test_several_folders() -> None:
    assert study_folders({"study": "[3, b]"}) == [Path("3"), Path("b")]


@pytest.mark.parametrize("given", [{}, {"study": ""}, {"study": "[]"}])
def test_no_folder_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ReportError, match="study=DIR"):
        study_folders(given)


def test_titles_tell_folders_apart() -> None:
    assert titles([Path("/a/sobol"), Path("/a/tpe")]) == ["sobol", "tpe"]
    assert titles([Path("/a/x/run"), Path("/a/y/run")]) == ["x/run", "y/run"]
    assert titles([Path("/a"), Path("/a")]) == ["a", "a"]
