from collections import Counter, defaultdict
from pathlib import Path

import pytest

from nlu.data.grammar import draw, load_grammar
from nlu.errors import ConfigError
from nlu.frame import parse_frame
from nlu.words import split_words

GRAMMAR = Path(__file__).parents[3] / "nlu" / "data" / "grammar.txt"


def test_equal_seeds_give_equal_rows_and_splits_are_streams_of_their_own() -> None:
    def parses(split: str, seed: int) -> list[str]:
        return [line.parse for line in draw(GRAMMAR, split, 50, seed)]

    assert parses("train", 1) == parses("train", 1)
    assert parses("train", 1) != parses("train", 2)
    assert parses("train", 1) != parses("eval", 1)


def test_utterances_split_into_their_words_and_frames_nest() -> None:
    lines = list(draw(GRAMMAR, "train", 2000, 1))
    frames = [parse_frame(line.parse) for line in lines]
    for line, frame in zip(lines, frames, strict=True):
        assert split_words(line.utterance) == frame.words()
    assert len({line.domain for line in lines}) == 6
    nested = sum(any(slot.frames() for slot in frame.frames()) for frame in frames)
    assert nested / len(frames) > 0.15


def test_some_utterances_have_two_readings() -> None:
    readings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in draw(GRAMMAR, "train", 20_000, 1):
        readings[line.utterance][line.parse] += 1
    ambiguous = [counts for counts in readings.values() if len(counts) > 1]
    lost = sum(counts.total() - max(counts.values()) for counts in ambiguous)
    # Nobody reaches 100, but a perfect parser comes close.
    assert 0.002 < lost / 20_000 < 0.03


def test_the_data_set_comes_from_the_cache_the_second_time(cache: Path) -> None:
    sizes = {"train": 30, "eval": 10}
    first = load_grammar(cache, sizes, seed=3)
    files = {split: data.cache_files for split, data in first.items()}
    again = load_grammar(cache, sizes, seed=3)
    assert {split: data.cache_files for split, data in again.items()} == files
    assert {split: len(data) for split, data in again.items()} == sizes
    assert load_grammar(cache, sizes, seed=4)["train"][0] != first["train"][0]


def test_unknown_splits_and_empty_ones_are_refused(cache: Path) -> None:
    with pytest.raises(ConfigError, match="validation"):
        load_grammar(cache, {"validation": 10}, seed=1)
    refusal = r"^data\.load\.sizes\.train=0 is out of range: it must be an integer of at least 1\.$"
    with pytest.raises(ConfigError, match=refusal):
        load_grammar(cache, {"train": 0}, seed=1)
