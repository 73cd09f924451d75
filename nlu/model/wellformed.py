"""Only frames come out: a check of target ids, and the most likely well-formed target of a given length.

Target ids as `nlu.ontology` orders them: 0 closes, 1 … I open intents, I + 1 … K - 1 open slots, K + i is
word i. Both functions are compiled by TorchScript and run on the device; the search runs only where the
parser's own answer is no frame.
"""

from typing import NamedTuple

import torch
from torch import Tensor


def is_well_formed(ids: list[int], intents: int, ontology_size: int) -> bool:
    """Tell whether target ids are the span form of a frame (the rules are those of `nlu.span.from_span`).

    Args:
        ids: target ids.
        intents: number I of intents.
        ontology_size: number K of ontology tokens.
    """
    # What an open bracket may still take; TorchScript knows no constants of a module.
    fresh, full, nested = 0, 1, 2
    # One entry an open bracket; intents and slots alternate, so a slot's bracket has an even depth.
    states: list[int] = []
    position = 0
    while position < len(ids):
        token = ids[position]
        depth = len(states)
        if position > 0 and depth == 0:
            return False
        in_slot = depth > 0 and depth % 2 == 0
        if token >= ontology_size:
            partner = ids[position + 1] if position + 1 < len(ids) else -1
            if not in_slot or states[-1] != fresh or partner < token:
                return False
            states[-1] = full
            position += 1
        elif token == 0:
            if depth == 0:
                return False
            states.pop()
        elif token <= intents:
            if depth > 0 and (not in_slot or states[-1] == full):
                return False
            if in_slot:
                states[-1] = nested
            states.append(fresh)
        else:
            if depth == 0 or in_slot:
                return False
            states.append(fresh)
        position += 1
    return len(ids) > 0 and len(states) == 0


def best_well_formed(scores: Tensor, intents: int, ontology_size: int) -> tuple[list[int], float]:
    """Find the most likely well-formed target of a given length, by dynamic programming (Viterbi).

    A state is the number of open brackets and what the innermost one may take next, so the search is exact
    and takes time proportional to length squared.

    Args:
        scores: log-probabilities of each token at each position, `l x (K + w)`; l is even, at least 2.
        intents: number I of intents.
        ontology_size: number K of ontology tokens.

    Returns:
        Target ids, `l`, and the sum of their log-probabilities.
    """
    # What an open slot may still take: anything, nothing, intents alone.
    fresh, full, nested = 0, 1, 2
    length = scores.size(0)
    intent_scores, intent_ids = scores[:, 1 : intents + 1].max(dim=1)
    slot_scores, slot_ids = scores[:, intents + 1 : ontology_size].max(dim=1)
    # A span's first word is not after its last one.
    first_scores, first_words = scores[:, ontology_size:].cummax(dim=1)
    pair_scores, last_words = (first_scores[:-1] + scores[1:, ontology_size:]).max(dim=1)
    first_words = first_words[:-1].gather(1, last_words.unsqueeze(1)).squeeze(1)
    close: list[float] = scores[:, 0].tolist()
    intent: list[float] = intent_scores.tolist()
    slot: list[float] = slot_scores.tolist()
    pair: list[float] = pair_scores.tolist()

    # best[t][3 * depth + state]: the best way to have `depth` open brackets after t tokens; a parent's
    # state is implied: a slot around an intent is nested, and an intent takes anything.
    deepest = length // 2
    width = 3 * (deepest + 2)
    worst = -1e30
    best: list[list[float]] = [[worst] * width for _ in range(length + 1)]
    back: list[list[int]] = [[-1] * width for _ in range(length + 1)]
    best[0][0] = 0.0
    for t in range(length):
        for depth in range(min(t, deepest) + 1):
            # The brackets that are open must have room to close.
            if depth > length - t:
                continue
            for state in range(3):
                here = 3 * depth + state
                score = best[t][here]
                if score <= worst or (depth == 0 and t > 0):
                    continue
                in_slot = depth > 0 and depth % 2 == 0
                steps: list[tuple[int, int, float]] = []
                if depth == 0 or (in_slot and state != full):
                    steps.append((t + 1, 3 * (depth + 1), intent[t]))
                if depth > 0 and not in_slot:
                    steps.append((t + 1, 3 * (depth + 1), slot[t]))
                if in_slot and state == fresh and t + 2 <= length:
                    steps.append((t + 2, 3 * depth + full, pair[t]))
                if depth > 0:
                    outer = 3 * (depth - 1) + (nested if (depth - 1) % 2 == 0 and depth > 1 else fresh)
                    steps.append((t + 1, outer, close[t]))
                for after, there, gain in steps:
                    if there < width and score + gain > best[after][there]:
                        best[after][there] = score + gain
                        back[after][there] = here
    ids = _trace(back, length, intent_ids, slot_ids + intents, first_words, last_words, ontology_size)
    return ids, best[length][0]


def _trace(
    back: list[list[int]],
    length: int,
    intent_ids: Tensor,
    slot_ids: Tensor,
    first_words: Tensor,
    last_words: Tensor,
    ontology_size: int,
) -> list[int]:
    """Read the best target off the back pointers, from the end; label ids lack their leading 1."""
    ids: list[int] = [0] * length
    t = length
    there = 0
    while t > 0:
        here = back[t][there]
        depth, depth_before = there // 3, here // 3
        if depth == depth_before:
            t -= 2
            ids[t] = ontology_size + int(first_words[t])
            ids[t + 1] = ontology_size + int(last_words[t])
        else:
            t -= 1
            if depth > depth_before:
                ids[t] = 1 + int(intent_ids[t] if depth % 2 == 1 else slot_ids[t])
        there = here
    return ids


class Prefix(NamedTuple):
    """The beginning of a span form.

    Attributes:
        ids: target ids so far.
        states: what each open bracket may still take (0 anything, 1 nothing, 2 intents alone), outermost
            first.
        first: first word of a span that lacks its last one, as a target id; -1 where there is none.
    """

    ids: list[int]
    states: list[int]
    first: int


def allowed(prefix: Prefix, remaining: int, intents: int, ontology_size: int, size: int) -> Tensor:
    """Mark the target ids, of `size`, with which a beginning can end within `remaining` tokens."""
    mask = torch.zeros(size, dtype=torch.bool)
    depth = len(prefix.states)
    if prefix.first >= 0:
        mask[prefix.first :] = True
        return mask
    in_slot = depth > 0 and depth % 2 == 0
    state = prefix.states[-1] if depth > 0 else 0
    if depth > 0:
        mask[0] = True
    # An opening bracket needs a closing one, and those that are open need theirs.
    if remaining >= depth + 2:
        if depth == 0 or (in_slot and state != 1):
            mask[1 : intents + 1] = True
        elif not in_slot:
            mask[intents + 1 : ontology_size] = True
        if in_slot and state == 0:
            mask[ontology_size:] = True
    return mask


def extend(prefix: Prefix, token: int, intents: int, ontology_size: int) -> Prefix:
    """Return the beginning with one more of its `allowed` target ids."""
    states = prefix.states.copy()
    first = -1
    if token >= ontology_size:
        if prefix.first < 0:
            first = token
        else:
            states[-1] = 1
    elif token == 0:
        states.pop()
    else:
        if len(states) > 0 and token <= intents:
            states[-1] = 2
        states.append(0)
    ids = prefix.ids.copy()
    ids.append(token)
    return Prefix(ids, states, first)
