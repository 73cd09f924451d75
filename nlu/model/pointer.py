"""The pointer head: an ontology token, or a word of the utterance?"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class PointerHead(nn.Module):
    """Mixture of a softmax over the ontology and attention over the words (See et al. 2017).

    P(ontology token) = p · softmax, P(word) = (1 - p) · attention averaged over heads, with
    p = sigmoid(Linear([context; h])).

    Args:
        dim: width d, a multiple of `heads`.
        ontology_size: number K of ontology tokens.
        heads: heads of the pointer attention.
    """

    def __init__(self, dim: int, ontology_size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.ontology = nn.Linear(dim, ontology_size)
        self.gate = nn.Linear(2 * dim, 1)

    def forward(self, decoded: Tensor, words: Tensor, word_mask: Tensor | None) -> Tensor:
        """Score every possible token at every target position.

        Args:
            decoded: decoder output h, `b x l x d`.
            words: encoder output at the words, `b x w x d`.
            word_mask: `b x w`, true at real words; None when all are.

        Returns:
            Log-probabilities `b x l x (K + w)`: ontology tokens, then words.
        """
        batch, length, dim = decoded.shape
        head = dim // self.heads
        query = self.query(decoded).view(batch, length, self.heads, head).transpose(1, 2)
        key = self.key(words).view(batch, words.shape[1], self.heads, head).permute(0, 2, 3, 1)
        scores = torch.matmul(query, key) * head**-0.5
        if word_mask is not None:
            scores = scores.masked_fill(~word_mask[:, None, None, :], float("-inf"))
        # Log-probabilities need full precision also where training computes in half of it.
        attention = functional.softmax(scores.float(), dim=-1).mean(dim=1)
        context = torch.matmul(attention.to(words.dtype), words)
        gate = self.gate(torch.cat([context, decoded], dim=-1)).float()
        logits = self.ontology(decoded).float()
        ontology = functional.logsigmoid(gate) + functional.log_softmax(logits, dim=-1)
        # The clamp keeps log 0, at padding or by underflow, out of the loss and its gradient.
        pointer = functional.logsigmoid(-gate) + attention.clamp(min=1e-9).log()
        return torch.cat([ontology, pointer], dim=-1)
