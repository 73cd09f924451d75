# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a checkpoint to a p99 with its interval
#
# You learn how a trained parser becomes a file that a phone runs, how its latency is measured, why a 99th percentile needs an
# interval, and how two parsers are compared on a machine whose speed changes by the minute.

# %%
# %matplotlib inline
from pathlib import Path
from tempfile import mkdtemp

from latency.compare import difference, draw, verdict
from latency.device.host import HostDevice
from latency.export import export
from latency.measurement import MeasurementPlan, measure_batch
from nas.trial import export_source
from nlu.parser import SHIPPED, load_parser

# %% [markdown]
# ## Export
#
# All that runs on the device, from piece ids to the frame's tokens, is one TorchScript module. The file is loaded again and
# must answer exactly as the model does; the manifest beside it keeps checksums of the answers, so that any device can be
# checked later.

# %%
parser = load_parser(SHIPPED)
folder = Path(mkdtemp())
# Decoded alone, the likeliest length needs no judge; of three, the rescorer chooses the frame.
parser.model.beam = 1
one_length = export(export_source(parser), folder, name="one_length")
parser.model.beam = 3
three_lengths = export(export_source(parser), folder, name="three_lengths")
for file in sorted(folder.iterdir()):
    print(f"{file.stat().st_size / 1e6:8.2f} MB  {file.name}")

# %% [markdown]
# ## Measure
#
# Every block is a fresh process, which warms up until two rounds take equally long. The two artifacts take turns, so that
# whatever slows the machine down slows both. The first one is also the *control*, against which ratios are told.

# %%
plan = MeasurementPlan(runs=1000, blocks=4)
paths = [one_length.path, three_lengths.path]
with HostDevice() as device:
    results = dict(measure_batch(paths, device, plan, control=one_length.path))
named = [("one length", results[0]), ("three lengths", results[1])]
for name, result in named:
    found, p99 = result.interval(99), result.percentile(99)
    ratio = result.ratio(99)
    print(
        f"{name:>13}: p50 {result.percentile(50):.2f} ms, p99 {p99:.2f} ms ({found.low:.2f} to {found.high:.2f}), ",
        end="",
    )
    print(f"{ratio.value:.2f} of the control's p99 ({ratio.interval.low:.2f} to {ratio.interval.high:.2f})")

# %% [markdown]
# ## Look at the whole distribution
#
# The slowest runs are stretched, since the p99 lives among them: each curve's dot, on the bar that is its interval. What lies
# above it is often not the model: another process, a timer, a page that had to be fetched.

# %%
draw(named, 99)

# %% [markdown]
# ## What moves a p99?
#
# The utterances, which differ in length; the process, since each gets other memory and other neighbours; and what else the
# machine does. Runs that follow each other share all that, so a thousand of them may say less than a thousand independent ones
# would: the *effective* number says how many they are worth. The figure's bars and the ratios' intervals allow for it.

# %%
print(f"{'':>27}", *(f"{name:>14}" for name, _ in named))
for metric in (
    "runs",
    "runs_effective",
    "latency_ms_within_processes",
    "latency_ms_between_processes",
    "outliers_severe",
):
    print(
        f"{metric.removeprefix('latency_'):>27}",
        *(f"{result.metrics()[metric]:14.4g}" for _, result in named),
    )

# %% [markdown]
# ## Is one faster?
#
# Not "which number is smaller", but "is the difference more than chance": the interval is bootstrapped over whole blocks, since
# runs of one process resemble each other.

# %%
print("three lengths against one:", verdict(difference(results[0], results[1], 99)))
print("one length against itself:", verdict(difference(results[0], results[0].control, 99)))
