"""Exact match and its relatives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlu.data.rows import target_of
from nlu.frame import canonical
from nlu.ontology import Ontology
from nlu.span import SpanToken


@dataclass(frozen=True)
class Gold:
    """What the parser should have said.

    Attributes:
        words: of the utterance.
        frame: text form of the canonical frame.
        target: span form.
        unseen: the same words do not occur in the train split.
    """

    words: list[str]
    frame: str
    target: list[SpanToken]
    unseen: bool


def gold_of(rows: Iterable[Mapping[str, Any]], seen: set[tuple[str, ...]]) -> list[Gold]:
    """Read the gold side of rows of `nlu.data.rows`; `seen` holds the train split's utterances, as words."""
    return [
        Gold(row["words"], row["frame"], target_of(row["target"]), tuple(row["words"]) not in seen)
        for row in rows
    ]


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
    frame_hits, span_hits, length_hits, unseen_hits = 0, 0, 0, 0
    for ids, gold in zip(predictions, golds, strict=True):
        same_span = ontology.decode(ids) == gold.target
        same_frame = same_span or _frame_text(ids, gold, ontology) == gold.frame
        span_hits += same_span
        frame_hits += same_frame
        unseen_hits += same_frame and gold.unseen
        length_hits += len(ids) == len(gold.target)
    unseen = sum(gold.unseen for gold in golds)
    return {
        "exact_match": 100 * frame_hits / len(golds),
        "exact_match_unseen": 100 * unseen_hits / unseen if unseen else float("nan"),
        "span_exact_match": 100 * span_hits / len(golds),
        "length_accuracy": 100 * length_hits / len(golds),
    }


def _frame_text(ids: Sequence[int], gold: Gold, ontology: Ontology) -> str:
    frame = ontology.frame(ids, gold.words)
    return "" if frame is None else str(canonical(frame))
