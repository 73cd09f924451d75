"""What an evaluation tells beyond the percentages: tables by group, and the errors for a person to read."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nlu.frame import INTENT, SLOT, Frame, parse_frame
from nlu.metrics import (
    Gold,
    bootstrap_interval,
    calibration_error,
    frame_of,
    is_exact,
    percent,
    score,
    score_structure,
)
from nlu.model.base import Hypothesis
from nlu.ontology import Ontology

ERRORS, SUMMARY = "errors.jsonl", "summary.json"

_LENGTHS = ((1, 4), (5, 8), (9, 12), (13, 16), (17, 10_000))


def evaluate_predictions(
    predictions: Sequence[Sequence[Hypothesis]], golds: Sequence[Gold], ontology: Ontology, count: int
) -> dict[str, float]:
    """Score ranked hypotheses.

    Returns:
        The percentages of `score` and `score_structure` for the first hypothesis of each utterance;
        `exact_match_low` and `exact_match_high`, a 95 % bootstrap interval; `exact_match_at_K`, the right
        frame is among the first K = `count`; `calibration_error` of the first one's probability, in
        percentage points.
    """
    first = [ranked[0][0] for ranked in predictions]
    hits = _hits(first, golds, ontology)
    low, high = bootstrap_interval(hits)
    metrics = score(first, golds, ontology)
    metrics |= {"exact_match_low": low, "exact_match_high": high}
    if count > 1:
        any_hit = [
            any(is_exact(ids, gold, ontology) for ids, _ in ranked)
            for ranked, gold in zip(predictions, golds, strict=True)
        ]
        metrics[f"exact_match_at_{count}"] = percent(np.array(any_hit))
    probabilities = np.exp(np.array([ranked[0][1] for ranked in predictions]))
    return {
        **metrics,
        **score_structure(first, golds, ontology),
        "calibration_error": calibration_error(probabilities, hits),
    }


def write_report(
    predictions: Sequence[Sequence[Hypothesis]], golds: Sequence[Gold], ontology: Ontology, folder: Path
) -> None:
    """Write `summary.json`, tables by group and confusions, and `errors.jsonl`, one wrong answer a line."""
    first = [ranked[0][0] for ranked in predictions]
    hits = _hits(first, golds, ontology)
    frames = [frame_of(ids, gold.words, ontology) for ids, gold in zip(first, golds, strict=True)]
    wrong = [i for i, hit in enumerate(hits) if not hit]
    with (folder / ERRORS).open("w", encoding="utf-8") as file:
        for i in wrong:
            error = {
                "domain": golds[i].domain,
                "utterance": " ".join(golds[i].words),
                "gold": golds[i].frame,
                "predicted": str(frames[i]),
                "probability": round(float(np.exp(predictions[i][0][1])), 4),
            }
            file.write(json.dumps(error, ensure_ascii=False) + "\n")
    summary = {
        "by_domain": _table(golds, hits, lambda gold: gold.domain),
        "by_depth": _table(golds, hits, lambda gold: str(_depth(parse_frame(gold.frame)))),
        "by_words": _table(golds, hits, lambda gold: _bin(len(gold.words))),
        "errors": {
            "number_of_tokens": sum(len(first[i]) != len(golds[i].target) for i in wrong),
            "root_intent": _confusions((parse_frame(golds[i].frame).label, _label(frames[i])) for i in wrong),
            "slots": _confusions(
                pair for i in wrong for pair in _slot_confusions(parse_frame(golds[i].frame), frames[i])
            ),
        },
    }
    (folder / SUMMARY).write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _hits(ids: Sequence[Sequence[int]], golds: Sequence[Gold], ontology: Ontology) -> NDArray[np.bool_]:
    return np.array([is_exact(one, gold, ontology) for one, gold in zip(ids, golds, strict=True)])


def _table(
    golds: Sequence[Gold], hits: NDArray[np.bool_], key: Callable[[Gold], str]
) -> dict[str, dict[str, float]]:
    groups: dict[str, list[int]] = {}
    for i, gold in enumerate(golds):
        groups.setdefault(key(gold), []).append(i)
    return {
        name: {"utterances": len(rows), "exact_match": round(percent(hits[rows]), 2)}
        for name, rows in sorted(groups.items())
    }


def _bin(words: int) -> str:
    low, high = next(pair for pair in _LENGTHS if pair[0] <= words <= pair[1])
    return f"{low:02d} and more" if high == _LENGTHS[-1][1] else f"{low:02d} to {high:02d}"


def _depth(frame: Frame) -> int:
    """Count intents on the longest way down."""
    return int(frame.label.startswith(INTENT)) + max(map(_depth, frame.frames()), default=0)


def _label(frame: Frame | None) -> str:
    return "none" if frame is None else frame.label


def _confusions(pairs: Iterable[tuple[str, str]], most: int = 30) -> dict[str, int]:
    counts = Counter(pair for pair in pairs if pair[0] != pair[1])
    return {f"{gold} -> {said}": number for (gold, said), number in counts.most_common(most)}


def _slot_confusions(gold: Frame, said: Frame | None) -> list[tuple[str, str]]:
    """Pair the slots that only one of two frames has: by words, then by label, then with nothing."""
    expected, found = _slots(gold), Counter() if said is None else _slots(said)
    missing, extra = list((expected - found).elements()), list((found - expected).elements())
    pairs: list[tuple[str, str]] = []
    for label, words in missing:
        same = next((slot for slot in extra if slot[1] == words), None)
        other_words = next((slot for slot in extra if slot[0] == label), None)
        if same is not None:
            pairs.append((label, same[0]))
            extra.remove(same)
        elif other_words is not None:
            pairs.append((label, f"{label} with other words"))
            extra.remove(other_words)
        else:
            pairs.append((label, "nothing"))
    return pairs + [("nothing", label) for label, _ in extra]


def _slots(frame: Frame) -> "Counter[tuple[str, tuple[str, ...]]]":
    slots: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for child in frame.frames():
        if child.label.startswith(SLOT):
            slots[child.label, tuple(child.words())] += 1
        slots += _slots(child)
    return slots
