from pathlib import Path

import torch
from torch import Tensor, nn

from nlu.batches import Batch, collate, encode_rows
from nlu.data.grammar import load_grammar
from nlu.ontology import Ontology
from nlu.span import target_of
from nlu.tagging import Tagger, word_tags
from nlu.tokenizer import train_tokenizer


def grammar_batch(cache: Path) -> tuple[Batch, Ontology]:
    rows = list(load_grammar(cache, {"train": 60, "eval": 1, "test": 1}, seed=3)["train"])
    ontology = Ontology.of([target_of(row["target"]) for row in rows])
    tokenizer = train_tokenizer([row["words"] for row in rows], 300, "unigram", cache)
    return collate(list(enumerate(encode_rows(rows, tokenizer, ontology)))), ontology


def walked(ids: list[int], ontology: Ontology, words: int) -> list[str]:
    """Tags by name, read bracket by bracket."""
    tags = ["O"] * words
    opened: list[str] = []
    position = 0
    while position < len(ids):
        if ids[position] >= len(ontology):
            first, last = (index - len(ontology) for index in ids[position : position + 2])
            tags[first : last + 1] = [f"B {opened[-1]}", *[f"I {opened[-1]}"] * (last - first)]
            position += 1
        elif ids[position] == 0:
            opened.pop()
        else:
            opened.append(ontology.tokens[ids[position]])
        position += 1
    return tags


def test_tags_are_those_of_a_walk_through_the_frame(tmp_path: Path) -> None:
    batch, ontology = grammar_batch(tmp_path)
    slots = ontology.tokens[1 + ontology.intents :]
    names = ["O", *(f"{kind} {slot}" for slot in slots for kind in "BI")]
    tags = word_tags(batch, len(ontology), ontology.intents)
    seen = set()
    for row, words, target, mask in zip(
        tags, batch.word_mask.sum(dim=1), batch.targets, batch.target_mask, strict=True
    ):
        expected = walked(target[mask].tolist(), ontology, int(words))
        assert [names[tag] for tag in row[:words].tolist()] == expected
        seen.update(expected)
        assert not row[words:].any()
    assert {tag[0] for tag in seen} == {"O", "B", "I"}


def test_a_tagger_learns_from_words_alone_and_teaches_them(tmp_path: Path) -> None:
    batch, ontology = grammar_batch(tmp_path)
    torch.manual_seed(0)
    tagger = Tagger(16, ontology, smoothing=0.0)
    words = nn.Parameter(torch.randn(*batch.word_starts.shape, 16))
    optimizer = torch.optim.Adam([words, *tagger.parameters()], lr=0.1)

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = tagger.loss(words, batch)
        loss.backward()
        optimizer.step()
        return loss.detach()

    losses = [float(step()) for _ in range(60)]
    assert losses[-1] < 0.1 * losses[0]
    assert words.grad is not None
    assert not words.grad[~batch.word_mask].any()
