"""Every exported layer, likelihood, model and metric, with a factory.

A class that is exported and missing here fails `conformance_test.py`.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from keras_vq import layers
from keras_vq import likelihoods
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

LIKELIHOODS = {
    likelihoods.Bernoulli: Case(likelihoods.Bernoulli, (4, 4, 3)),
    likelihoods.Categorical: Case(likelihoods.Categorical, (2, 512)),
    likelihoods.Gaussian: Case(
        lambda **kw: likelihoods.Gaussian(value_range=(-1, 1), **kw), (4, 3)
    ),
    likelihoods.Laplace: Case(
        lambda **kw: likelihoods.Laplace(scale=0.3, **kw), (4, 4, 3)
    ),
    likelihoods.LogisticMixture: Case(
        lambda **kw: likelihoods.LogisticMixture(num_mixtures=2, **kw),
        (4, 4, 20),
    ),
    likelihoods.LogitLaplace: Case(likelihoods.LogitLaplace, (4, 4, 6)),
    likelihoods.MeanSquaredError: Case(
        lambda **kw: likelihoods.MeanSquaredError(0.2, **kw), (4, 4, 3)
    ),
}

METRICS = {
    metrics.CodebookPerplexity: lambda: metrics.CodebookPerplexity(8),
    metrics.CodebookUsage: lambda: metrics.CodebookUsage(8),
}

MODELS = {
    models.Autoencoder: Case(
        lambda **kw: models.Autoencoder(
            (8, 8, 3),
            latent_dim=3,
            network="spatial_residual_cnn",
            hidden_dim=4,
            num_residual_layers=1,
            residual_hidden_dim=2,
            likelihood="laplace",
            **kw,
        ),
        (8, 8, 3),
    ),
    models.VAE: Case(
        lambda **kw: models.VAE(
            (8, 8, 3),
            latent_dim=3,
            beta=0.5,
            beta_warmup_steps=3,
            free_bits=0.1,
            seed=1,
            network="mlp",
            hidden_dim=4,
            num_residual_layers=1,
            residual_hidden_dim=2,
            likelihood="mse",
            data_variance=0.3,
            **kw,
        ),
        (8, 8, 3),
    ),
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
ABSTRACT = {
    likelihoods.Likelihood,
    models.FirstStage,
    models.Tokenizer,
}

CODES = np.array([[0, 1], [7, 1]])
