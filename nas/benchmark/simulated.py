"""A parser's accuracy and latency as smooth functions of its 24 hyperparameters.

The space is that of conf/space/nar_top.yaml when the problem was made; it stays as it is, so that results can
be compared.
"""

import math
from typing import cast

from nas.space import Point

# Name to range in Hydra's sweep syntax.
PARAMETERS = {
    "tokenizer.vocab_size": "tag(log, int(interval(500, 8000)))",
    "model.embed_dim": "range(48, 257, 16)",
    "model.encoder.num_layers": "int(interval(1, 6))",
    "model.encoder.ffn_dim": "range(64, 641, 32)",
    "model.encoder.max_kernel": "range(3, 32, 2)",
    "model.encoder.conv_heads": "choice(1, 2, 4, 8)",
    "model.encoder.attention_heads": "choice(0, 1, 2, 4)",
    "model.decoder.num_layers": "int(interval(1, 4))",
    "model.decoder.ffn_dim": "range(64, 641, 32)",
    "model.decoder.max_kernel": "range(3, 32, 2)",
    "model.decoder.attention_heads": "choice(0, 1, 2, 4)",
    "model.decoder.cross_attention_heads": "choice(1, 2, 4, 8)",
    "model.pointer.heads": "choice(1, 2, 4, 8)",
    "model.length.conv_dim": "range(32, 513, 32)",
    "model.length.beam": "int(interval(1, 5))",
    "optim.lr": "tag(log, interval(1e-4, 1e-2))",
    "optim.weight_decay": "tag(log, interval(1e-6, 1e-1))",
    "data.batch_size": "choice(8, 16, 32, 64, 128)",
    "model.embedding_dropout": "interval(0.0, 0.5)",
    "model.encoder.dropout": "interval(0.0, 0.5)",
    "model.decoder.dropout": "interval(0.0, 0.5)",
    "optim.length_loss_weight": "tag(log, interval(0.03, 3.0))",
    "optim.label_smoothing": "interval(0.0, 0.3)",
    "optim.length_label_smoothing": "interval(0.0, 0.5)",
}
REFERENCE: Point = {
    "tokenizer.vocab_size": 4000,
    "model.embed_dim": 160,
    "model.encoder.num_layers": 5,
    "model.encoder.ffn_dim": 160,
    "model.encoder.max_kernel": 27,
    "model.encoder.conv_heads": 4,
    "model.encoder.attention_heads": 1,
    "model.decoder.num_layers": 2,
    "model.decoder.ffn_dim": 512,
    "model.decoder.max_kernel": 27,
    "model.decoder.attention_heads": 2,
    "model.decoder.cross_attention_heads": 4,
    "model.pointer.heads": 8,
    "model.length.conv_dim": 512,
    "model.length.beam": 1,
    "optim.lr": 1e-3,
    "optim.weight_decay": 1e-5,
    "data.batch_size": 8,
    "model.embedding_dropout": 0.1,
    "model.encoder.dropout": 0.1,
    "model.decoder.dropout": 0.1,
    "optim.length_loss_weight": 0.284,
    "optim.label_smoothing": 0.1,
    "optim.length_label_smoothing": 0.39,
}


def latency(point: Point) -> float:
    """Operations for a sentence of ten words, weighted by how badly each kind runs on a phone."""
    p = {name: float(cast(float, value)) for name, value in point.items()}
    width = p["model.embed_dim"]

    def layers(side: str) -> float:
        conv = width * (3 + p[f"model.{side}.max_kernel"]) / 2 + 3 * width * width
        attention = 4 * width * width * (p[f"model.{side}.attention_heads"] > 0)
        return p[f"model.{side}.num_layers"] * (
            6e4 + conv + 0.7 * attention + 2 * width * p[f"model.{side}.ffn_dim"]
        )

    decoder = layers("decoder") + p["model.decoder.num_layers"] * 4 * width * width
    head = width * 60 + 3e4 * math.log2(1 + p["model.pointer.heads"])
    length = 2 * width * p["model.length.conv_dim"]
    return layers("encoder") + length + p["model.length.beam"] * (decoder + head)


def accuracy(point: Point) -> float:
    """Exact match: what is lost to too small a model and to badly set training."""
    p = {name: float(cast(float, value)) for name, value in point.items()}
    capacity = (
        0.10 * math.exp(-p["model.embed_dim"] / 60)
        + 0.06 * math.exp(-p["model.encoder.num_layers"] / 1.2)
        + 0.04 * math.exp(-p["model.decoder.num_layers"])
        + 0.03 * math.exp(-p["model.encoder.ffn_dim"] / 150)
        + 0.02 * math.exp(-p["model.encoder.max_kernel"] / 6)
        + 0.02 * (p["model.decoder.attention_heads"] == 0)
        + 0.01 * (p["model.encoder.attention_heads"] == 0)
        + 0.01 * math.exp(-p["model.length.conv_dim"] / 100)
        - 0.004 * math.log(p["model.length.beam"])
    )
    step = math.log10(p["optim.lr"]) + 2.7 - 0.4 * math.log2(p["data.batch_size"] / 16) / 3
    training = (
        0.05 * step * step
        + 0.10 * (p["model.encoder.dropout"] - 0.15) ** 2
        + 0.15 * (p["model.decoder.dropout"] - 0.2) ** 2
        + 0.10 * (p["model.embedding_dropout"] - 0.1) ** 2
        + 0.01 * math.log10(p["optim.length_loss_weight"] / 0.4) ** 2
        + 0.10 * (p["optim.label_smoothing"] - 0.08) ** 2
        + 0.004 * math.log2(p["tokenizer.vocab_size"] / 3000) ** 2
    )
    return 0.92 - capacity - training
