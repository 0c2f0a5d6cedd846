"""Every exported layer, model and metric, with a factory and an input.

A class that is exported and missing here fails `conformance_test.py`.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from keras_vq import layers
from keras_vq import metrics
from keras_vq import models


@dataclasses.dataclass
class Case:
    make: Callable
    shape: tuple[int, ...]  # of one input, without the batch


LAYERS = {
    layers.SubpixelConv: Case(
        lambda **kw: layers.SubpixelConv(3, activation="relu", **kw), (4, 2)
    ),
    layers.TransposedConv: Case(
        lambda **kw: layers.TransposedConv(3, activation="relu", **kw),
        (4, 4, 2),
    ),
    layers.VectorQuantizer: Case(
        lambda **kw: layers.VectorQuantizer(
            8, 4, commitment_cost=0.5, embeddings_initializer="ones", **kw
        ),
        (3, 4),
    ),
    layers.VectorQuantizerEMA: Case(
        lambda **kw: layers.VectorQuantizerEMA(
            8, 4, decay=0.9, epsilon=1e-3, revival_threshold=0.2, seed=3, **kw
        ),
        (3, 4),
    ),
}

METRICS = {
    metrics.CodebookPerplexity: lambda: metrics.CodebookPerplexity(8),
    metrics.CodebookUsage: lambda: metrics.CodebookUsage(8),
}

MODELS = {
    models.VQVAE: Case(
        lambda **kw: models.VQVAE(
            (8, 8, 3),
            layers.VectorQuantizer(8, 4, dtype=kw.get("dtype")),
            hidden_dim=4,
            num_residual_layers=1,
            residual_hidden_dim=2,
            upsampling="subpixel",
            data_variance=0.5,
            **kw,
        ),
        (8, 8, 3),
    ),
}

# Bases that are not used themselves.
ABSTRACT = {models.Tokenizer}

CODES = np.array([[0, 1], [7, 1]])
