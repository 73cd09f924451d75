"""Run the model on a padded batch; one utterance alone goes through `SpanPointer.forward`."""

from collections.abc import Iterator

from nlu.data.batches import Batch
from nlu.model.span_pointer import SpanPointer


def predict_batch(model: SpanPointer, batch: Batch) -> Iterator[tuple[int, list[int]]]:
    """Yield each example's place in its data set and its predicted target ids."""
    encoded = model.encode(batch.pieces, batch.piece_mask, batch.word_starts, batch.word_mask)
    tokens, lengths = model.beam_search(encoded)
    for place, ids, length in zip(batch.places.tolist(), tokens.tolist(), lengths.tolist(), strict=True):
        yield place, ids[:length]
