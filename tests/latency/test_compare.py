from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latency.compare import difference, draw, load_results, main, rank, verdict
from latency.errors import ResultError
from latency.result import LatencyResult
from latency.runner.stream import RunReport
from paretoparse.errors import FigureError


def simulated(scale: float, seed: int) -> LatencyResult:
    """A result of four processes of 500 lognormal latencies with median `scale` milliseconds."""
    generator = np.random.default_rng(seed)
    blocks = tuple(
        RunReport(
            runner="cpp",
            runtime="torch 2.13.0, TorchScript",
            threads=1,
            cores=(1,),
            load_ns=1,
            peak_bytes=None,
            warmup_runs=1,
            warm=True,
            outputs=(),
            inputs=tuple(range(500)),
            ns=tuple(int(v) for v in 1e6 * scale * generator.lognormal(0, 0.2, size=500)),
        )
        for _ in range(4)
    )
    return LatencyResult({"file": "x.pt"}, {"device": "host", "model": "a"}, {}, blocks, 0)


def test_results_survive_saving(tmp_path: Path) -> None:
    result = replace(simulated(1.0, 0), marks=("LOW-BATTERY",))
    result.save(tmp_path / "latency.json.gz")
    assert LatencyResult.load(tmp_path / "latency.json.gz") == result
    assert load_results([tmp_path])[0][1] == result


def test_ranking_is_from_fast_to_slow() -> None:
    results = [(str(scale), simulated(scale, 1)) for scale in (2.0, 1.0, 3.0)]
    assert [name for name, _ in rank(results, 99)] == ["1.0", "2.0", "3.0"]


def test_clear_difference_is_found_with_its_size_and_sign() -> None:
    slow, fast = simulated(2.0, 2), simulated(1.0, 3)
    interval = difference(fast, slow, 50)
    assert interval.low < 1.0 < interval.high
    assert "slower by" in verdict(interval)
    assert "faster by" in verdict(difference(slow, fast, 50))


def test_same_distribution_is_not_distinguishable() -> None:
    assert "not distinguishable" in verdict(difference(simulated(1.0, 4), simulated(1.0, 5), 99))


def test_command_ranks_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, scale in (("slow", 2.0), ("fast", 1.0)):
        (tmp_path / name).mkdir()
        simulated(scale, 6).save(tmp_path / name / "latency.json.gz")
    main([str(tmp_path / "slow"), str(tmp_path / "fast"), "--figure", str(tmp_path / "figure.png")])
    printed = capsys.readouterr().out
    assert "slower" in printed
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("content", [b"", b"x", b"\x1f\x8b\x08\x00"])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "latency.json.gz").write_bytes(content)
    with pytest.raises(ResultError, match="is not a result"):
        load_results([tmp_path])


def test_a_missing_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="There is no result"):
        main([str(tmp_path / "nowhere")])


def test_other_devices_and_runtimes_are_not_compared(tmp_path: Path) -> None:
    result = simulated(1.0, 7)
    other_phone = replace(result, device={"device": "android", "model": "b"})
    other_runtime = replace(result, blocks=tuple(replace(b, runtime="torch 2.9.1") for b in result.blocks))
    for name, item in (("a", result), ("b", other_phone), ("c", other_runtime)):
        item.save(tmp_path / name)
    with pytest.raises(ResultError, match="different devices"):
        load_results([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(ResultError, match="different runtimes"):
        load_results([tmp_path / "a", tmp_path / "c"])


def test_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    names = ["$x_$ [a]", "_hidden", "plain $"]
    figure = draw([(name, simulated(1.0, 7)) for name in names], 99)
    texts = figure.axes[0].get_legend().get_texts()
    assert [text.get_text() for text in texts] == ["$x_$ [a]", "./_hidden", "plain $"]
    assert not any(text.get_parse_math() for text in texts)


@pytest.mark.parametrize("name", ["figure.nonsense", "file/figure.png"])
def test_a_figure_that_cannot_be_written_is_one_sentence(tmp_path: Path, name: str) -> None:
    simulated(1.0, 6).save(tmp_path / "latency.json.gz")
    (tmp_path / "file").touch()
    with pytest.raises(FigureError, match=name):
        main([str(tmp_path), "--figure", str(tmp_path / name)])
