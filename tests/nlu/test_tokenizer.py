from pathlib import Path

import pytest

from nlu.errors import ConfigError, ParserFileError
from nlu.tokenizer import Tokenizer, train_tokenizer

UTTERANCES = [["wake", "me", "up", "at", "seven"], ["play", "the", "seven", "moons"]] * 50


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_every_word_has_its_own_pieces_in_order(cache: Path, kind: str) -> None:
    tokenizer = train_tokenizer(UTTERANCES, 60, kind, cache)
    words = ["moons", "at", "Würzburg", "☃", "\u200b", "seven"]
    pieces = tokenizer.encode(words)
    assert len(pieces.word_starts) == len(words)
    assert pieces.word_starts == sorted(set(pieces.word_starts))
    assert pieces.word_starts[0] == 0
    assert all(0 < piece < len(tokenizer) for piece in pieces.ids)
    # A word's pieces do not depend on its neighbours.
    edges = [*pieces.word_starts, len(pieces.ids)]
    for word, start, end in zip(words, edges[:-1], edges[1:], strict=True):
        assert tokenizer.encode([word]).ids == pieces.ids[start:end]


def test_case_does_not_matter(cache: Path) -> None:
    tokenizer = train_tokenizer(UTTERANCES, 60, "bpe", cache)
    assert tokenizer.encode(["SEVEN"]) == tokenizer.encode(["seven"])


def test_the_second_time_the_model_comes_from_the_cache(cache: Path) -> None:
    first = train_tokenizer(UTTERANCES, 50, "bpe", cache)
    (path,) = [p for p in (cache / "tokenizers").glob("*.model") if p.read_bytes() == first.model]
    before = path.stat().st_mtime_ns
    assert train_tokenizer(UTTERANCES, 50, "bpe", cache).model == first.model
    assert path.stat().st_mtime_ns == before
    assert len(train_tokenizer(UTTERANCES, 40, "bpe", cache)) == 40


def test_a_vocabulary_smaller_than_the_alphabet_is_refused(cache: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokenizer.vocab_size=5"):
        train_tokenizer(UTTERANCES, 5, "bpe", cache)
    with pytest.raises(ConfigError, match="unigram or bpe"):
        train_tokenizer(UTTERANCES, 50, "words", cache)


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(ParserFileError):
        Tokenizer(b"nonsense")
