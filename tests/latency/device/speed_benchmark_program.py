"""Stands in for the Android build of `speed_benchmark_torch`: its command line and its text, around real runs
of a real `.ptl`.
"""

import argparse
import time

import torch
import torch.jit.mobile


@torch.jit.script
def show(output: torch.Tensor) -> None:
    # In TorchScript this prints as C++ does.
    print(output)


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--use_bundled_input", type=int, default=-1)
    parser.add_argument("--warmup", type=int, default=0)
    parser.add_argument("--iter", type=int, default=10)
    for name in ("--report_pep", "--print_output"):
        parser.add_argument(name, choices=["true", "false"], default="false")
    options = parser.parse_args()
    torch.set_num_threads(1)
    module = torch.jit.mobile._load_for_lite_interpreter(options.model)
    inputs = module.run_method("get_all_bundled_inputs")
    if options.use_bundled_input >= len(inputs):
        raise SystemExit(f"Model has only {len(inputs)} bundled inputs.")
    call = inputs[options.use_bundled_input]
    with torch.inference_mode():
        if options.print_output == "true":
            show(module(*call))
        print("Starting benchmark.")
        print("Running warmup runs.")
        for _ in range(options.warmup):
            module(*call)
        print("Main runs.")
        times = []
        started = time.perf_counter()
        for _ in range(options.iter):
            before = time.perf_counter_ns()
            module(*call)
            times.append((time.perf_counter_ns() - before) // 1000)
        mean = (time.perf_counter() - started) * 1e6 / options.iter
    if options.report_pep == "true":
        for value in times:
            record = f'"type": "NET", "unit": "us", "metric": "latency", "value": "{value:.6g}"'
            print(f"PyTorchObserver {{{record}}}")
    print(f"Main run finished. Microseconds per iter: {mean:.6g}. Iters per second: {1e6 / mean:.6g}")


if __name__ == "__main__":
    main()
