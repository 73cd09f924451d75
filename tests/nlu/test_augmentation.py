import random

import torch
from hypothesis import given
from hypothesis import strategies as st

from nlu.augmentation import SlotSubstitution, drop_words
from nlu.batches import Example, collate
from nlu.frame import parse_frame
from nlu.span import from_span, to_span
from nlu.tokenizer import UNKNOWN

FRAMES = [
    "[IN:CREATE_REMINDER Remind [SL:PERSON_REMINDED me ] to [SL:TODO feed the cat ] [SL:DATE_TIME at 6 ] ]",
    "[IN:CREATE_REMINDER [SL:TODO call ] [SL:DATE_TIME tomorrow ] please ]",
    "[IN:CREATE_REMINDER Tell [SL:PERSON_REMINDED [IN:GET_CONTACT my [SL:TYPE_RELATION mother ] ] ] "
    "[SL:DATE_TIME in an hour ] [SL:TODO [IN:GET_TODO of [SL:TODO the bread ] ] ] ]",
    "[IN:GET_WEATHER [SL:DATE_TIME now ] ]",
    "[IN:UNSUPPORTED_WEATHER why ]",
]
ROWS = [(frame.words(), to_span(frame)) for frame in map(parse_frame, FRAMES)]


def slots(text: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """List intent, label and words of each leaf slot."""
    found: list[tuple[str, str, tuple[str, ...]]] = []
    queue = [parse_frame(text)]
    while queue:
        intent = queue.pop()
        for slot in intent.frames():
            if slot.frames():
                queue += slot.frames()
            else:
                found.append((intent.label, slot.label, tuple(slot.words())))
    return found


ALL_SLOTS = {slot for frame in FRAMES for slot in slots(frame)}


@given(st.integers(0, len(ROWS) - 1), st.integers())
def test_a_slot_gets_the_words_of_one_with_its_label_and_intent(row: int, seed: int) -> None:
    words, target = SlotSubstitution(ROWS, 1.0)(*ROWS[row], random.Random(seed))
    assert [token for token in target if isinstance(token, str)] == [
        token for token in ROWS[row][1] if isinstance(token, str)
    ]
    assert set(slots(str(from_span(target, words)))) <= ALL_SLOTS
    # What stands outside of the slots stays where it was.
    outside = [word for word in ROWS[row][0] if word not in " ".join(slots_words(FRAMES[row])).split()]
    assert [word for word in words if word in outside] == outside


def slots_words(text: str) -> list[str]:
    return [word for _, _, words in slots(text) for word in words]


def test_nothing_changes_where_nothing_is_to() -> None:
    for row in ROWS:
        assert SlotSubstitution(ROWS, 0.0)(*row, random.Random(1)) == (list(row[0]), list(row[1]))


def test_substitution_reaches_every_filler() -> None:
    substitute = SlotSubstitution(ROWS, 0.5)
    seen = {
        slot[2]
        for seed in range(200)
        for slot in slots(str(from_span(*reversed(substitute(*ROWS[0], random.Random(seed))))))
        if slot[1] == "SL:TODO"
    }
    assert seen == {("feed", "the", "cat"), ("call",)}


def test_a_word_is_hidden_with_all_of_its_pieces() -> None:
    torch.manual_seed(0)
    # Three words of one, three and two pieces, and one of two; the shorter utterance is padded.
    examples = [
        Example(torch.arange(10, 16), torch.tensor([0, 1, 4]), torch.tensor([], dtype=torch.int64)),
        Example(torch.arange(20, 22), torch.tensor([0]), torch.tensor([], dtype=torch.int64)),
    ]
    batch = collate(list(enumerate(examples)))
    patterns = set()
    for _ in range(200):
        hidden = drop_words(batch, 0.5).pieces == UNKNOWN
        assert not hidden[~batch.piece_mask].any()
        first = hidden[0, :6].tolist()
        assert first[1] == first[2] == first[3]
        assert first[4] == first[5]
        assert hidden[1, 0] == hidden[1, 1]
        patterns.add((first[0], first[1], first[4], bool(hidden[1, 0])))
    assert len(patterns) == 16
    assert torch.equal(drop_words(batch, 0.0).pieces, batch.pieces)


def test_hidden_words_are_as_many_as_asked_for() -> None:
    torch.manual_seed(0)
    example = Example(torch.full((1000,), 7), torch.arange(1000), torch.tensor([], dtype=torch.int64))
    share = (drop_words(collate([(0, example)]), 0.2).pieces == UNKNOWN).float().mean()
    assert 0.15 < share < 0.25
