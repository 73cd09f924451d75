"""The data that comes with the package: made of the published studies, and as good as it is said to be."""

import json
import re

import pytest

from nas.benchmark.nlu24 import NLU24
from nas.benchmark.nlu24.collect import collect
from nas.benchmark.nlu24.data import DATA, OBJECTIVES, QUALITY, BenchmarkError, digest
from nas.benchmark.nlu24.table import to_text
from tests.composing import ROOT
from tests.nas.benchmark.nlu24.studies import check_test_scores

STUDIES = ROOT / "results" / "studies"


@pytest.fixture(scope="module")
def bench() -> NLU24:
    return NLU24()


def test_the_table_is_the_studies_it_names_as_they_are_published(bench: NLU24) -> None:
    # A study that is published later waits for the next version, so that results on this one stay comparable.
    collected = collect([STUDIES / study["name"] for study in bench.description.studies])
    assert digest(to_text(collected.space, collected.runs)) == bench.description.table
    assert bench.reference_point == collected.reference_point
    assert len(bench.runs) == len(collected.runs)


def test_a_study_of_another_space_is_refused_with_the_first_differences() -> None:
    with pytest.raises(
        BenchmarkError, match=r"reference is not a study of the same.*; and \d+ more$"
    ) as error:
        collect([STUDIES / "sobol-1", ROOT / "results" / "reference"])
    assert len(str(error.value)) < 600


def test_the_surrogate_is_as_good_as_its_quality_says(bench: NLU24) -> None:
    quality = json.loads((DATA / QUALITY).read_text())
    check_test_scores(bench, quality, least_r2=0.8)
    # Its own front neither is a single point nor leaves what was measured far behind.
    table, searched = (quality["fronts"][name] for name in ("table", "surrogate_searched"))
    assert searched["points"] >= table["points"] > 1
    assert searched["hypervolume"] < 1.5 * table["hypervolume"]


def test_the_page_tells_the_numbers_of_the_data(bench: NLU24) -> None:
    page = (ROOT / "docs" / "nlu24.md").read_text()
    quality = json.loads((DATA / QUALITY).read_text())
    found = re.findall(r"\| `(\w+)` \| (.*) \|", page.partition("## How good it is")[2].partition("\n## ")[0])
    told = {name: [float(cell) for cell in cells.split(" | ")] for name, cells in found}
    assert told.keys() == {*OBJECTIVES, "seconds"}
    for name, cells in told.items():
        test, noise = quality["test"][name], quality["noise"][name]
        own = [test["r2"], test["rmse"], test["kendall_rounded"], test["spearman"], noise["released"]]
        assert cells == [float(f"{value:.2g}") for value in own]
    assert f"version {bench.version}, {len(bench.runs)} runs" in page


def test_the_best_that_was_found_is_in_the_table_and_beats_the_reference(bench: NLU24) -> None:
    table = NLU24("table", noisy=False)
    exact_match, latency = bench.reference_point
    better = [
        point
        for point in table.points()
        if (found := table(point))["exact_match"] > exact_match and found["latency_p99_ratio"] < latency  # type: ignore[operator]
    ]
    assert better
    assert all(bench.space.contains(point) for point in better)
