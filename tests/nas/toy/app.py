"""A real Hydra app that needs no time to train."""

import math
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> Any:
    hydra_config = HydraConfig.get()
    number = hydra_config.job.num
    with (Path(hydra_config.sweep.dir) / "runs.log").open("a") as file:
        file.write(f"{number}\n")
    time.sleep(cfg.pause)
    if cfg.fail not in (None, "chdir", "pool", "tuple", "extras", "file") and number == cfg.when:
        misbehave(cfg.fail, Path(hydra_config.runtime.output_dir))
        return {"not-a-number": {"accuracy": math.nan}, "text": {"accuracy": "high"}}.get(cfg.fail, {})
    if cfg.fail == "chdir":
        os.chdir(tempfile.mkdtemp())
    latency = 0.5 + 0.2 * cfg.layers + 0.01 * cfg.width + 0.1 * math.log2(cfg.heads)
    size = math.log(cfg.layers * cfg.width)
    accuracy = 60 + 4 * size - 40 * (cfg.x - 0.7) ** 2 + (cfg.act == "gelu")
    accuracy += (cfg.seed - 1) % 97 / 1000
    if cfg.fail == "pool":
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.map(square, [2]) == [4]
    if cfg.fail == "tuple":
        return accuracy, latency
    extras: dict[str, Any] = {"history": [1, 2], "test": {"f1": 0.5}} if cfg.fail == "extras" else {}
    if cfg.fail == "file":
        extras["weights"] = Path(hydra_config.runtime.output_dir) / "weights"
        extras["weights"].write_text(str(number))
    low = latency - 0.1
    return {"accuracy": accuracy, "latency_ms": latency, "latency_ms_low": low, "artifact": "a.pt", **extras}


def square(number: int) -> int:
    return number * number


def misbehave(how: str, directory: Path) -> None:
    if how == "raise":
        raise ValueError("first line\nthe layers do not fit")
    if how == "exit":
        sys.exit(0)
    if how == "os-exit":
        os._exit(0)
    if how == "kill-once" and not (directory / "killed").exists():
        (directory / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "interrupt-once" and not (directory / "interrupted").exists():
        (directory / "interrupted").touch()
        raise KeyboardInterrupt
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
