"""TOPv2 (Chen et al., EMNLP 2020): eight domains, in the official file layout or the Hugging Face Hub's."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import datasets

from nlu.data.rows import Annotated, cached_dataset, drop_malformed, read_columns
from nlu.errors import DataError
from paretoparse.checks import COUNT, check_switches

DOMAINS = ("alarm", "event", "messaging", "music", "navigation", "reminder", "timer", "weather")
# The third column's name is not the same in all files.
HEADER = ["domain", "utterance"]
SPLITS = ("train", "eval", "test")
LOW_RESOURCE_DOMAINS = ("reminder", "weather")
SAMPLES_PER_LABEL = (10, 25, 50, 100, 250, 500, 1000)

# As `data.root`.
HUB = "hub"
_WHERE = (
    "Get TOPv2 from https://fb.me/TOPv2Dataset, unpack it, and set data.root to the folder of its .tsv "
    "files, or take the copy on the Hugging Face Hub by data.root=hub."
)


def load_topv2(
    root: str | Path | None,
    domains: str | Sequence[str],
    cache: str | Path,
    *,
    samples_per_label: int | None = None,
    skip_malformed: bool = False,
    hub: str = "WillHeld/top_v2",
) -> datasets.DatasetDict:
    """Load the train and eval splits, and test where its files are.

    Args:
        root: folder that holds `<domain>_<split>.tsv` and `low_resource_splits/`; or `hub`.
        domains: one or more of `DOMAINS`, in any order; one data set of all of them comes back.
        cache: folder for the Arrow files.
        samples_per_label: 10 to 1000 takes the low-resource split with that many samples per intent
            and slot (SPIS) in the place of train and eval; None takes the full ones.
        skip_malformed: leave malformed rows out, with a warning, where otherwise they are an error.
        hub: data set on the Hugging Face Hub, or a folder in its layout, that `root=hub` takes.

    Returns:
        Splits `train`, `eval` and perhaps `test`, with the columns of `nlu.data.rows`.

    Raises:
        DataError: the folder or a file is missing, a domain is unknown, a row is malformed, or
            `skip_malformed` is no switch.
    """
    check_switches({"data.skip_malformed": skip_malformed}, DataError)
    domains = _distinct_domains(domains, samples_per_label)
    if root is None:
        raise DataError(f"data.root is not given. {_WHERE}")
    if str(root) == HUB:
        if samples_per_label is not None:
            raise DataError(f"data.root=hub has no low-resource splits. {_WHERE}")
        return datasets.DatasetDict(
            {
                split: drop_malformed(
                    cached_dataset(read_hub, [(hub, split, domains, str(cache))], cache),
                    skip=skip_malformed,
                )
                for split in SPLITS
            }
        )
    root = Path(root).expanduser()
    if not root.is_dir():
        raise DataError(f"there is no data folder {root}. {_WHERE}")
    files = {split: [_path(root, domain, split, samples_per_label) for domain in domains] for split in SPLITS}
    if missing := [path for split in ("train", "eval") for path in files[split] if not path.is_file()]:
        names = ", ".join(str(path.relative_to(root)) for path in missing)
        raise DataError(f"{root} lacks {names}. {_WHERE}")
    present = {split: paths for split, paths in files.items() if all(path.is_file() for path in paths)}
    return datasets.DatasetDict(
        {
            split: drop_malformed(
                cached_dataset(read_tsv, [(path,) for path in paths], cache), skip=skip_malformed
            )
            for split, paths in present.items()
        }
    )


def _distinct_domains(given: str | Sequence[str], samples_per_label: int | None) -> tuple[str, ...]:
    if samples_per_label is not None and (
        samples_per_label not in COUNT or samples_per_label not in SAMPLES_PER_LABEL
    ):
        choices = ", ".join(map(str, SAMPLES_PER_LABEL))
        raise DataError(f"data.samples_per_label={samples_per_label}: TOPv2 has splits for {choices} only.")
    names: Sequence[Any] = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    domains = tuple(dict.fromkeys(names))
    allowed = DOMAINS if samples_per_label is None else LOW_RESOURCE_DOMAINS
    unknown = [domain for domain in domains if domain not in allowed]
    if unknown or not domains:
        what = f"no domain {', '.join(map(str, unknown))}" if unknown else "nothing without a domain"
        raise DataError(f"TOPv2 has {what} here; data.domains takes any of {', '.join(allowed)}.")
    return domains


def _path(root: Path, domain: str, split: str, samples_per_label: int | None) -> Path:
    if samples_per_label is None or split == "test":
        return root / f"{domain}_{split}.tsv"
    name = {"train": "train", "eval": "valid"}[split]
    return root / "low_resource_splits" / f"{domain}_{name}_{samples_per_label}spis.tsv"


def read_tsv(path: Path) -> Iterator[Annotated]:
    """Read a file in TOPv2's layout: domain, utterance and parse, under a header or without one."""
    for number, (where, columns, problem) in enumerate(read_columns(path)):
        if number == 0 and columns[:2] == HEADER:
            continue
        if len(columns) == 3:
            yield Annotated(where, *columns)
        else:
            columns_problem = f"{len(columns)} columns in the place of 3"
            yield Annotated(where, "", "", "", problem=problem or columns_problem)


def read_hub(name: str, split: str, domains: Sequence[str], cache: str) -> Iterator[Annotated]:
    """Read a split of a data set with the columns domain, utterance and semantic_parse.

    Raises:
        DataError: the data set cannot be had, or is something else.
    """
    try:
        rows = datasets.load_dataset(name, split=split, cache_dir=cache)
        columns = zip(rows["domain"], rows["utterance"], rows["semantic_parse"], strict=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"the data set {name} cannot be had ({reason}). {_WHERE}") from error
    for number, (domain, utterance, parse) in enumerate(columns, start=1):
        if domain in domains:
            yield Annotated(f"{name}, {split}, row {number}", domain, utterance, parse)
