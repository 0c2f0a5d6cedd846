"""Every exported layer, loss, model and so on, with a factory.

A class that is exported and missing here fails `conformance_test.py`.
"""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from keras_vq import layers
from keras_vq import likelihoods
from keras_vq import losses
from keras_vq import metrics
from keras_vq import models
from keras_vq import priors
from keras_vq import regularizers


@dataclasses.dataclass
class Case:
    make: Callable
    shape: tuple[int, ...]  # of one input, without the batch
    num_classes: int | None = None  # of the labels that go with it, if any
    num_codes: int | None = None  # of an input that is codes
    is_pair: bool = False  # two such inputs

    def example(self, rng, batch):
        """What the module is called with, arrays."""
        size = (batch, *self.shape)
        if self.num_codes is not None:
            x = rng.integers(self.num_codes, size=size, dtype="int32")
        else:
            x = rng.uniform(size=size).astype("float32")
        if self.is_pair:
            return x, x[::-1] if self.num_codes else x**2
        if self.num_classes is None:
            return x
        return x, rng.integers(self.num_classes, size=batch, dtype="int32")

    def inputs(self):
        """What a layer is called with in a Functional model."""
        if self.is_pair:
            return keras.Input(self.shape), keras.Input(self.shape)
        return keras.Input(self.shape)


LAYERS = {
    layers.CausalConv1D: Case(
        lambda **kw: layers.CausalConv1D(3, 3, dilation=2, **kw), (6, 2)
    ),
    layers.CausalSelfAttention: Case(
        lambda **kw: layers.CausalSelfAttention(
            2, dropout=0.1, rotary_shape=(3, 2), **kw
        ),
        (6, 8),
    ),
    layers.FiniteScalarQuantizer: Case(
        lambda **kw: layers.FiniteScalarQuantizer((5, 4, 2), **kw), (2, 3)
    ),
    layers.GatedMaskedConv: Case(
        lambda **kw: layers.GatedMaskedConv(2, 5, "A", **kw),
        (4, 3, 2),
        is_pair=True,
    ),
    layers.GroupedVectorQuantizer: Case(
        lambda **kw: layers.GroupedVectorQuantizer(
            layers.VectorQuantizerEMA(8, 2, seed=3), num_groups=3, **kw
        ),
        (2, 6),
    ),
    layers.GumbelQuantizer: Case(
        lambda **kw: layers.GumbelQuantizer(
            8,
            3,
            temperature=keras.optimizers.schedules.CosineDecay(2.0, 9, 0.1),
            kl_cost=0.2,
            hard=False,
            embeddings_initializer="ones",
            seed=3,
            **kw,
        ),
        (2, 3),
    ),
    layers.LookupFreeQuantizer: Case(
        lambda **kw: layers.LookupFreeQuantizer(
            3,
            entropy_cost=0.2,
            diversity=0.5,
            commitment_cost=0.1,
            inverse_temperature=2.0,
            spherical=True,
            **kw,
        ),
        (2, 3),
    ),
    layers.MaskedConv: Case(
        lambda **kw: layers.MaskedConv(3, 5, "A", activation="relu", **kw),
        (4, 2),
    ),
    layers.ProjectedQuantizer: Case(
        lambda **kw: layers.ProjectedQuantizer(
            layers.VectorQuantizer(8, 2, distance="cosine"),
            4,
            kernel_initializer="he_normal",
            **kw,
        ),
        (2, 4),
    ),
    layers.RandomProjectionQuantizer: Case(
        lambda **kw: layers.RandomProjectionQuantizer(
            8, 4, code_dim=3, seed=3, **kw
        ),
        (2, 4),
    ),
    layers.ResidualVectorQuantizer: Case(
        lambda **kw: layers.ResidualVectorQuantizer(
            layers.VectorQuantizerEMA(8, 3),
            num_stages=3,
            shared=True,
            dropout=0.5,
            seed=3,
            **kw,
        ),
        (2, 3),
    ),
    layers.SimVectorQuantizer: Case(
        lambda **kw: layers.SimVectorQuantizer(
            8, 4, commitment_cost=0.5, embeddings_initializer="ones", **kw
        ),
        (3, 4),
    ),
    layers.SubpixelConv: Case(
        lambda **kw: layers.SubpixelConv(3, activation="relu", **kw), (4, 2)
    ),
    layers.TransformerBlock: Case(
        lambda **kw: layers.TransformerBlock(
            2, 5, dropout=0.1, rotary_shape=(6,), **kw
        ),
        (6, 8),
    ),
    layers.TransposedConv: Case(
        lambda **kw: layers.TransposedConv(3, activation="relu", **kw),
        (4, 4, 2),
    ),
    layers.VectorQuantizer: Case(
        lambda **kw: layers.VectorQuantizer(
            8,
            4,
            commitment_cost=0.5,
            codebook_cost=0.7,
            distance="cosine",
            estimator="rotation",
            regularizers=[regularizers.CodeEntropy(0.3, temperature=0.5)],
            embeddings_initializer="ones",
            **kw,
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

CODES = np.array([[0, 1], [7, 1]])
IMAGES = np.linspace(0, 1, 2 * 12 * 12 * 3).reshape(2, 12, 12, 3)
PAIR = (IMAGES, IMAGES**2)


def feature_network():
    """A network without weights, which configurations do not hold."""
    return keras.Sequential(
        [keras.Input((12, 12, 3)), keras.layers.AveragePooling2D(4)]
    )


LOSSES = {
    losses.PerceptualLoss: Case(
        lambda **kw: losses.PerceptualLoss(
            feature_network(), channel_weights=[[0.5, 0.0, 2.0]], **kw
        ),
        (12, 12, 3),
    ),
}

REGULARIZERS = {
    regularizers.CodeEntropy: Case(
        lambda: regularizers.CodeEntropy(0.3, temperature=0.5), (2, 4)
    ),
    regularizers.Orthogonality: Case(
        lambda: regularizers.Orthogonality(3.0), (2, 4)
    ),
}

# A factory, and what the metric is updated with.
METRICS = {
    metrics.CodebookPerplexity: (
        lambda: metrics.CodebookPerplexity(8),
        (CODES,),
    ),
    metrics.CodebookUsage: (lambda: metrics.CodebookUsage(8), (CODES,)),
    metrics.FrechetDistance: (
        lambda: metrics.FrechetDistance(feature_network()),
        PAIR,
    ),
    metrics.LPIPS: (lambda: metrics.LPIPS(feature_network()), PAIR),
    metrics.PSNR: (lambda: metrics.PSNR(max_value=2.0), PAIR),
    metrics.SSIM: (lambda: metrics.SSIM(max_value=2.0), PAIR),
}


def vqvae(**kwargs):
    return models.VQVAE(
        (8, 8, 3),
        layers.VectorQuantizer(8, 4, dtype=kwargs.get("dtype")),
        hidden_dim=4,
        num_residual_layers=1,
        residual_hidden_dim=2,
        upsampling="subpixel",
        data_variance=0.5,
        **kwargs,
    )


# Of both adversarial models.
PLAYERS = {
    "hidden_dim": 4,
    "channel_multipliers": (1, 2),
    "num_residual_layers": 1,
    "disc_hidden_dim": 4,
    "disc_num_layers": 1,
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
    models.CVAE: Case(
        lambda **kw: models.CVAE(
            (8, 8, 3),
            num_classes=4,
            prior="standard",
            latent_dim=3,
            network="mlp",
            hidden_dim=4,
            **kw,
        ),
        (8, 8, 3),
        num_classes=4,
    ),
    models.StackedVQVAE: Case(
        lambda **kw: models.StackedVQVAE(
            vqvae(dtype=kw.get("dtype")),
            layers.VectorQuantizerEMA(4, 3),
            num_codes=2,
            hidden_dim=4,
            num_residual_layers=1,
            residual_hidden_dim=2,
            downsampling=2,
            **kw,
        ),
        (8, 8, 3),
    ),
    models.KLAutoencoder: Case(
        lambda **kw: models.KLAutoencoder(
            (8, 8, 3), latent_dim=2, kl_weight=0.1, seed=1, **PLAYERS, **kw
        ),
        (8, 8, 3),
    ),
    models.VQGAN: Case(
        lambda **kw: models.VQGAN(
            (8, 8, 3),
            layers.VectorQuantizer(8, 4, dtype=kw.get("dtype")),
            **PLAYERS,
            **kw,
        ),
        (8, 8, 3),
    ),
    models.Pixels: Case(
        lambda **kw: models.Pixels((8, 8, 3), num_embeddings=9, **kw),
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
    models.VQVAE: Case(vqvae, (8, 8, 3)),
    models.VQVAE2: Case(
        lambda **kw: models.VQVAE2(
            (8, 8, 3),
            [layers.VectorQuantizer(8, 4), layers.VectorQuantizerEMA(6, 3)],
            hidden_dim=4,
            num_residual_layers=1,
            residual_hidden_dim=2,
            upsampling="subpixel",
            likelihood="laplace",
            **kw,
        ),
        (8, 8, 3),
    ),
}


def hierarchical_prior(**kwargs):
    small = {"hidden_dim": 8, "num_layers": 2, "dtype": kwargs.get("dtype")}
    return priors.HierarchicalPrior(
        [
            priors.PixelSNAIL((3, 2), 5, num_heads=2, **small),
            priors.PixelCNN((3, 2), 5, condition_dim=4, **small),
        ],
        num_residual_layers=1,
        **kwargs,
    )


def sliding_window(**kwargs):
    small = {"hidden_dim": 4, "num_layers": 2, "dtype": kwargs.get("dtype")}
    return priors.SlidingWindow(
        priors.PixelCNN((3, 2), 5, **small), (4, 3), **kwargs
    )


PRIORS = {
    priors.HierarchicalPrior: Case(
        hierarchical_prior, (3, 2), num_codes=5, is_pair=True
    ),
    priors.PixelSNAIL: Case(
        lambda **kw: priors.PixelSNAIL(
            (3, 2),
            5,
            hidden_dim=8,
            num_layers=2,
            num_blocks=1,
            num_heads=2,
            **kw,
        ),
        (3, 2),
        num_codes=5,
    ),
    priors.WaveNet: Case(
        lambda **kw: priors.WaveNet(
            (6,),
            5,
            hidden_dim=4,
            skip_dim=6,
            num_stacks=1,
            num_layers=2,
            kernel_size=3,
            **kw,
        ),
        (6,),
        num_codes=5,
    ),
    priors.SlidingWindow: Case(sliding_window, (4, 3), num_codes=5),
    priors.Transformer: Case(
        lambda **kw: priors.Transformer(
            (3, 2),
            5,
            num_layers=2,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=6,
            positions="rotary",
            tie_weights=True,
            dropout=0.1,
            **kw,
        ),
        (3, 2),
        num_codes=5,
    ),
    priors.PixelCNN: Case(
        lambda **kw: priors.PixelCNN(
            (3, 2),
            5,
            num_classes=4,
            hidden_dim=4,
            num_layers=2,
            kernel_size=5,
            first_kernel_size=3,
            dropout=0.1,
            label_dropout=0.2,
            seed=1,
            **kw,
        ),
        (3, 2),
        num_classes=4,
        num_codes=5,
    ),
}

# Bases that are not used themselves.
ABSTRACT = {
    layers.Quantizer,
    likelihoods.Likelihood,
    models.AdversarialAutoencoder,
    models.FirstStage,
    models.LatentSpace,
    models.Tokenizer,
    priors.AutoregressivePrior,
    priors.Prior,
    regularizers.Regularizer,
}
