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


class Best(NamedTuple):
    """Sums of log-probabilities of the best ways to have `depth` open brackets after `t` tokens.

    All tokens but words open or close a bracket, so after an odd number of tokens the innermost open one is
    an intent's and after an even number a slot's.

    Attributes:
        width: distance from one `t` to the next; all else is at `width * t + depth`.
        intent: the innermost bracket is an intent's.
        empty: it is a slot's that holds nothing; or there is none, before the first token.
        words: it is a slot's that holds its words.
        nested: it is a slot's that holds intents.
    """

    width: int
    intent: list[float]
    empty: list[float]
    words: list[float]
    nested: list[float]


def best_ways(intent: list[float], slot: list[float], pair: list[float], close: list[float]) -> Best:
    """Fill in the table.

    Args:
        intent: log-probability of opening the likeliest intent at each position, `l`.
        slot: the same of a slot.
        pair: the same of a span's two words, the first of them at the position, `l - 1`.
        close: the same of the closing bracket, `l`.
    """
    length = len(close)
    width = length // 2 + 2
    unreached = [-1e30] * (width * length)
    best = Best(width, unreached, unreached.copy(), unreached.copy(), unreached.copy())
    best.empty[0] = 0.0
    for t in range(1, length):
        odd = t % 2 == 1
        opening = intent[t - 1] if odd else slot[t - 1]
        closing = close[t - 1]
        # The brackets that are open must have room to close.
        for depth in range(1 if odd else 2, min(t, length - t) + 1, 2):
            here = width * t + depth
            outer = here - width - 1
            inner = here - width + 1
            if odd:
                opened = max(best.empty[outer], best.nested[outer])
                closed = max(max(best.empty[inner], best.words[inner]), best.nested[inner])
                best.intent[here] = max(opened + opening, closed + closing)
            else:
                best.empty[here] = best.intent[outer] + opening
                best.words[here] = best.empty[here - 2 * width] + pair[t - 2]
                best.nested[here] = best.intent[inner] + closing
    return best


def best_well_formed(scores: Tensor, intents: int, ontology_size: int) -> tuple[list[int], float]:
    """Find the most likely well-formed target of a given length, by dynamic programming (Viterbi).

    The search is exact and takes time proportional to length squared.

    Args:
        scores: log-probabilities of each token at each position, `l x (K + w)`; l is even, at least 2.
        intents: number I of intents.
        ontology_size: number K of ontology tokens.

    Returns:
        Target ids, `l`, and the sum of their log-probabilities.
    """
    length = scores.size(0)
    intent_scores, intent_ids = scores[:, 1 : intents + 1].max(dim=1)
    slot_scores, slot_ids = scores[:, intents + 1 : ontology_size].max(dim=1)
    # A span's first word is not after its last one.
    first_scores, first_words = scores[:, ontology_size:].cummax(dim=1)
    pair_scores, last_words = (first_scores[:-1] + scores[1:, ontology_size:]).max(dim=1)
    intent: list[float] = intent_scores.tolist()
    slot: list[float] = slot_scores.tolist()
    pair: list[float] = pair_scores.tolist()
    close: list[float] = scores[:, 0].tolist()
    best = best_ways(intent, slot, pair, close)

    # Back from the end, before which the outermost intent closes.
    ids: list[int] = [0] * length
    t = length - 1
    here = best.width * t + 1
    total = best.intent[here] + close[t]
    in_words = False
    in_nested = False
    while t > 0:
        outer = here - best.width - 1
        inner = here - best.width + 1
        if t % 2 == 1:
            opened = max(best.empty[outer], best.nested[outer])
            if opened + intent[t - 1] == best.intent[here]:
                ids[t - 1] = 1 + int(intent_ids[t - 1])
                here = outer
                in_words = False
                in_nested = best.empty[here] < opened
            else:
                here = inner
                closed = max(best.empty[here], best.nested[here])
                in_words = best.words[here] > closed
                in_nested = best.empty[here] < closed
        elif in_words:
            t -= 1
            ids[t] = ontology_size + int(last_words[t - 1])
            ids[t - 1] = ontology_size + int(first_words[t - 1, last_words[t - 1]])
            here -= 2 * best.width
            in_words = False
            in_nested = False
        elif in_nested:
            here = inner
        else:
            ids[t - 1] = 1 + intents + int(slot_ids[t - 1])
            here = outer
        t -= 1
    return ids, total


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
