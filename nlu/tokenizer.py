"""SentencePiece over words: pieces for the encoder, and where each word's pieces start.

Every word is encoded by itself, so that spans over words stay exact whatever the pieces are.
"""

import hashlib
import io
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import sentencepiece as spm
from filelock import FileLock

from nlu.errors import ConfigError, ParserFileError

log = logging.getLogger(__name__)

PAD, UNKNOWN = 0, 1


class Pieces(NamedTuple):
    """An utterance as the parser reads it.

    Attributes:
        ids: piece ids, one entry a piece.
        word_starts: index into `ids` of each word's first piece, one entry a word.
    """

    ids: list[int]
    word_starts: list[int]


class Tokenizer:
    """A trained SentencePiece model applied word by word.

    Args:
        model: the serialised SentencePiece model.

    Raises:
        ParserFileError: the bytes are not such a model.
    """

    def __init__(self, model: bytes) -> None:
        self.model = model
        try:
            self._processor = spm.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, TypeError) as error:
            raise ParserFileError(f"not a SentencePiece model: {error}") from error
        self._cache: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return int(self._processor.get_piece_size())

    def encode(self, words: Sequence[str]) -> Pieces:
        """Return the piece ids of the words and each word's first piece."""
        ids: list[int] = []
        starts: list[int] = []
        for word in words:
            starts.append(len(ids))
            ids.extend(self._word(word))
        return Pieces(ids, starts)

    def _word(self, word: str) -> list[int]:
        pieces = self._cache.get(word)
        if pieces is None:
            # A word of nothing but characters that normalisation removes still takes its place.
            pieces = self._processor.encode(word) or [UNKNOWN]
            self._cache[word] = pieces
        return pieces


def train_tokenizer(
    utterances: Iterable[Sequence[str]], vocab_size: int, kind: str, cache: str | Path
) -> Tokenizer:
    """Train a SentencePiece model on words, or take it from the cache.

    Args:
        utterances: words of each utterance of the train split.
        vocab_size: most pieces to learn, 100 or more; fewer when the text has no more to give.
        kind: `unigram` or `bpe`.
        cache: folder of the trained models, made when missing.

    Raises:
        ConfigError: `vocab_size` is too small for the text's characters, or `kind` is unknown.
    """
    if kind not in ("unigram", "bpe"):
        raise ConfigError(f"tokenizer.kind={kind}: takes unigram or bpe.")
    lines = [" ".join(words) for words in utterances]
    key = hashlib.sha256("\n".join([kind, str(vocab_size), *lines]).encode()).hexdigest()[:32]
    path = Path(cache) / "tokenizers" / f"{key}.model"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Jobs that train side by side on the same data train its tokenizer once.
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file():
            partial = path.with_suffix(".partial")
            partial.write_bytes(_train(lines, vocab_size, kind))
            partial.replace(path)
    return Tokenizer(path.read_bytes())


def _train(lines: list[str], vocab_size: int, kind: str) -> bytes:
    model = io.BytesIO()
    try:
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type=kind,
            vocab_size=vocab_size,
            # Small data may have fewer pieces to give than were asked for.
            hard_vocab_limit=False,
            character_coverage=1.0,
            # Spoken text has no case to rely on.
            normalization_rule_name="nmt_nfkc_cf",
            pad_id=PAD,
            unk_id=UNKNOWN,
            bos_id=-1,
            eos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        raise ConfigError(
            f"tokenizer.vocab_size={vocab_size}: SentencePiece cannot train on this text ({error}). "
            "Raise the size, or give it more data."
        ) from error
    return model.getvalue()
