"""Exact match and its relatives."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlu.errors import FrameError
from nlu.frame import INTENT, Frame, canonical, parse_frame
from nlu.ontology import Ontology
from nlu.span import SpanToken, target_of


@dataclass(frozen=True)
class Gold:
    """What the parser should have said.

    Attributes:
        words: of the utterance.
        frame: text form of the canonical frame.
        target: span form.
        unseen: the same words do not occur in the train split.
        domain: where the utterance comes from.
    """

    words: list[str]
    frame: str
    target: list[SpanToken]
    unseen: bool
    domain: str = ""


def gold_of(rows: Iterable[Mapping[str, Any]], seen: set[tuple[str, ...]]) -> list[Gold]:
    """Read the gold side of rows of `nlu.data.rows`; `seen` holds the train split's utterances, as words."""
    return [
        Gold(
            row["words"],
            row["frame"],
            target_of(row["target"]),
            tuple(row["words"]) not in seen,
            row.get("domain", ""),
        )
        for row in rows
    ]


def frame_of(ids: Sequence[int], words: Sequence[str], ontology: Ontology) -> Frame | None:
    """Return the canonical frame that target ids stand for, or None when they are not one."""
    try:
        return canonical(ontology.frame(ids, words))
    except FrameError:
        return None


def is_exact(ids: Sequence[int], gold: Gold, ontology: Ontology) -> bool:
    """Tell whether canonical frames are equal as text, the published rule for TOPv2."""
    if ontology.decode(ids) == gold.target:
        return True
    frame = frame_of(ids, gold.words, ontology)
    return frame is not None and str(frame) == gold.frame


def score(
    predictions: Sequence[Sequence[int]], golds: Sequence[Gold], ontology: Ontology
) -> dict[str, float]:
    """Compare predicted target ids with the gold frames.

    Returns:
        Percentages:

        - `exact_match`: canonical frames are equal as text, the published rule for TOPv2;
        - `exact_match_unseen`: the same on utterances that do not occur in training (nan when all do);
        - `span_exact_match`: span forms are equal, so that the right one of two equal phrases counts;
        - `length_accuracy`: the number of target tokens is right.
    """
    pairs = list(zip(predictions, golds, strict=True))
    exact = np.array([is_exact(ids, gold, ontology) for ids, gold in pairs])
    unseen = np.array([gold.unseen for gold in golds])
    return {
        "exact_match": percent(exact),
        "exact_match_unseen": percent(exact[unseen]),
        "span_exact_match": percent(np.array([ontology.decode(ids) == gold.target for ids, gold in pairs])),
        "length_accuracy": percent(np.array([len(ids) == len(gold.target) for ids, gold in pairs])),
    }


def score_structure(
    predictions: Sequence[Sequence[int]], golds: Sequence[Gold], ontology: Ontology
) -> dict[str, float]:
    """Compare labels and brackets apart from whole frames.

    Returns:
        Percentages:

        - `well_formed`: answers that are frames;
        - `ontology_exact_match`: equal canonical frames once all words are dropped;
        - `intent_f1`, `slot_f1`: labelled bracketing F1 (as for constituents), where a bracket is a label
          with the
          words that it keeps in the decoupled frame.
    """
    same: list[bool] = []
    formed: list[bool] = []
    counts: dict[bool, NDArray[np.int64]] = {True: np.zeros(3, np.int64), False: np.zeros(3, np.int64)}
    for ids, gold in zip(predictions, golds, strict=True):
        frame, right = frame_of(ids, gold.words, ontology), parse_frame(gold.frame)
        formed.append(frame is not None)
        same.append(frame is not None and labels_of(frame) == labels_of(right))
        found, expected = Counter(() if frame is None else brackets(frame)), Counter(brackets(right))
        for intents, total in counts.items():
            parts = [
                sum(number for (label, _), number in bag.items() if label.startswith(INTENT) == intents)
                for bag in (found & expected, found, expected)
            ]
            total += parts
    f1 = {intents: 200 * hit / max(found + expected, 1) for intents, (hit, found, expected) in counts.items()}
    return {
        "well_formed": percent(np.array(formed)),
        "ontology_exact_match": percent(np.array(same)),
        "intent_f1": float(f1[True]),
        "slot_f1": float(f1[False]),
    }


def percent(hits: NDArray[np.bool_]) -> float:
    """Return the share of hits as a percentage, nan when there are none to count."""
    return 100 * float(hits.mean()) if len(hits) else float("nan")


def labels_of(frame: Frame) -> str:
    """Return a canonical frame's text form without its words."""
    inner = tuple(sorted(labels_of(child) for child in frame.frames()))
    return f"[{frame.label} {' '.join(inner)} ]"


def brackets(frame: Frame) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each node's label with the words under it."""
    yield frame.label, tuple(frame.words())
    for child in frame.frames():
        yield from brackets(child)


def bootstrap_interval(
    hits: NDArray[np.bool_], *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return a percentile bootstrap interval of the percentage of hits (Efron & Tibshirani 1993, ch. 13).

    Resampling n independent hits draws a binomial count, so no row is ever copied.
    """
    counts = np.random.default_rng(seed).binomial(len(hits), hits.mean(), size=draws)
    low, high = np.quantile(100 * counts / len(hits), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def calibration_error(
    probabilities: NDArray[np.float64], hits: NDArray[np.bool_], *, bins: int = 10
) -> float:
    """Return the expected calibration error in points, over equally filled bins (Nixon et al. 2019)."""
    order = np.argsort(probabilities, kind="stable")
    gaps = [
        len(part) * abs(probabilities[part].mean() - hits[part].mean())
        for part in np.array_split(order, bins)
        if len(part)
    ]
    return 100 * float(sum(gaps)) / len(order)
