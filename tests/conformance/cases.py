"""Every public class with a small example of it.

`conformance_test.py` fails for a public class that is missing here.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import keras_vq
from keras_vq import layers
from keras_vq import likelihoods
from keras_vq import losses
from keras_vq import metrics
from keras_vq import models
from keras_vq import networks
from keras_vq import priors
from keras_vq import regularizers
from keras_vq import samplers
from keras_vq import schedules
from keras_vq import training
from keras_vq.likelihoods.location_scale import LocationScale
from keras_vq.networks import Conditioning


@dataclasses.dataclass(frozen=True)
class Floats:
    """Batches of floats in [0, 1)."""

    shape: tuple[int, ...]
    dtype = "float32"

    def batch(self, rng, size):
        return rng.uniform(size=(size, *self.shape)).astype(self.dtype)


@dataclasses.dataclass(frozen=True)
class Ints:
    """Batches of integers in [0, limit)."""

    shape: tuple[int, ...]
    limit: int
    dtype = "int32"

    def batch(self, rng, size):
        shape = (size, *self.shape)
        return rng.integers(self.limit, size=shape, dtype=self.dtype)


@dataclasses.dataclass
class Case:
    """A class whose instances are called with tensors."""

    # From keyword arguments such as `dtype` to an instance.
    make: Callable
    # The call's arguments, structures of `Floats` and `Ints`.
    inputs: tuple[Any, ...]

    def example(self, rng, batch_size):
        """Arguments of a call, NumPy arrays."""
        return self._map(lambda x: x.batch(rng, batch_size))

    def symbols(self):
        """Arguments of a call with an unknown batch size."""
        return self._map(lambda x: keras.KerasTensor((None, *x.shape), x.dtype))

    def keras_inputs(self):
        """Arguments of a call in a functional model."""
        return self._map(lambda x: keras.Input(x.shape, dtype=x.dtype))

    def _map(self, function):
        return keras.tree.map_structure(
            lambda x: None if x is None else function(x), self.inputs
        )


def each(cls, *args, **kwargs):
    """A factory of instances that takes further keyword arguments."""
    return lambda **more: cls(*args, **kwargs, **more)


# === Layers ===

STACK = Floats((3, 2, 2))

LAYERS = {
    layers.AdaptiveTransformerBlock: Case(
        each(layers.AdaptiveTransformerBlock, 2, 6, dropout=0.1),
        (Floats((6, 8)), Floats((8,)), Floats((3, 5))),
    ),
    layers.Snake: Case(layers.Snake, (Floats((6, 2)),)),
    layers.LabelTimeEmbedding: Case(
        each(layers.LabelTimeEmbedding, 6, 4), (Ints((), 4), Floats(()))
    ),
    layers.Attention: Case(
        each(layers.Attention, 2), (Floats((5, 4)), Floats((3, 6)))
    ),
    layers.CausalConv1DTranspose: Case(
        each(layers.CausalConv1DTranspose, 3, 2), (Floats((6, 2)),)
    ),
    layers.CausalConv3D: Case(
        each(layers.CausalConv3D, 3, (3, 4, 4), strides=(2, 2, 2)),
        (Floats((3, 4, 4, 2)),),
    ),
    layers.FourierFrames: Case(
        each(layers.FourierFrames, 16), (Floats((40, 2)),)
    ),
    layers.ResidualUnit1D: Case(
        each(
            layers.ResidualUnit1D,
            3,
            dilation=2,
            activation="elu",
            is_causal=False,
        ),
        (Floats((6, 2)),),
    ),
    layers.CausalConv1D: Case(
        each(layers.CausalConv1D, 3, 3, dilation=2), (Floats((6, 2)),)
    ),
    layers.CausalSelfAttention: Case(
        each(layers.CausalSelfAttention, 2, dropout=0.1, rotary_shape=(3, 2)),
        (Floats((6, 8)),),
    ),
    layers.CodeEmbedding: Case(
        each(layers.CodeEmbedding, 5, 4, codes_per_position=2, stddev=0.1),
        (Ints((3, 2), 5),),
    ),
    layers.FiniteScalarQuantizer: Case(
        each(layers.FiniteScalarQuantizer, (5, 4, 2)), (Floats((2, 3)),)
    ),
    layers.GatedMaskedConv: Case(
        each(layers.GatedMaskedConv, 2, 5, "A"), ((STACK, STACK),)
    ),
    layers.GaussianBottleneck: Case(
        each(
            layers.GaussianBottleneck,
            2,
            kl_weight=0.5,
            warmup_steps=3,
            free_bits=0.1,
            seed=3,
        ),
        (Floats((2, 4)),),
    ),
    layers.GroupedVectorQuantizer: Case(
        lambda **kwargs: layers.GroupedVectorQuantizer(
            layers.VectorQuantizerEMA(8, 2, seed=3), num_groups=3, **kwargs
        ),
        (Floats((2, 6)),),
    ),
    layers.GumbelQuantizer: Case(
        lambda **kwargs: layers.GumbelQuantizer(
            8,
            3,
            temperature=keras.optimizers.schedules.CosineDecay(2.0, 9, 0.1),
            kl_cost=0.2,
            hard=False,
            embeddings_initializer="ones",
            seed=3,
            **kwargs,
        ),
        (Floats((2, 3)),),
    ),
    layers.IdentityBottleneck: Case(
        layers.IdentityBottleneck, (Floats((2, 3)),)
    ),
    layers.LookupFreeQuantizer: Case(
        each(
            layers.LookupFreeQuantizer,
            3,
            entropy_cost=0.2,
            diversity=0.5,
            commitment_cost=0.1,
            inverse_temperature=2.0,
            spherical=True,
        ),
        (Floats((2, 3)),),
    ),
    layers.MaskedConv: Case(
        each(layers.MaskedConv, 3, 5, "A", activation="relu"),
        (Floats((4, 2)),),
    ),
    layers.ProjectedQuantizer: Case(
        lambda **kwargs: layers.ProjectedQuantizer(
            layers.VectorQuantizer(8, 2, distance="cosine"),
            4,
            kernel_initializer="he_normal",
            **kwargs,
        ),
        (Floats((2, 4)),),
    ),
    layers.RandomProjectionQuantizer: Case(
        each(layers.RandomProjectionQuantizer, 8, 4, code_dim=3, seed=3),
        (Floats((2, 4)),),
    ),
    layers.ResidualVectorQuantizer: Case(
        lambda **kwargs: layers.ResidualVectorQuantizer(
            layers.VectorQuantizerEMA(8, 3),
            num_stages=3,
            shared=True,
            dropout=0.5,
            seed=3,
            **kwargs,
        ),
        (Floats((2, 3)),),
    ),
    layers.SimVectorQuantizer: Case(
        each(
            layers.SimVectorQuantizer,
            8,
            4,
            commitment_cost=0.5,
            embeddings_initializer="ones",
        ),
        (Floats((3, 4)),),
    ),
    layers.SubpixelConv: Case(
        each(layers.SubpixelConv, 3, activation="relu"), (Floats((4, 2)),)
    ),
    layers.SyncBatchNormalization: Case(
        each(layers.SyncBatchNormalization, 0.9, 1e-5), (Floats((4, 2)),)
    ),
    layers.TransformerBlock: Case(
        each(layers.TransformerBlock, 2, 5, dropout=0.1, rotary_shape=(6,)),
        (Floats((6, 8)),),
    ),
    layers.TransposedConv: Case(
        each(layers.TransposedConv, 3, activation="relu"),
        (Floats((4, 4, 2)),),
    ),
    layers.VectorQuantizer: Case(
        lambda **kwargs: layers.VectorQuantizer(
            8,
            4,
            commitment_cost=0.5,
            codebook_cost=0.7,
            distance="cosine",
            estimator="rotation",
            regularizers=[regularizers.CodeEntropy(0.3, temperature=0.5)],
            embeddings_initializer="ones",
            **kwargs,
        ),
        (Floats((3, 4)),),
    ),
    layers.VectorQuantizerEMA: Case(
        each(
            layers.VectorQuantizerEMA,
            8,
            4,
            decay=0.9,
            epsilon=1e-3,
            revival_threshold=0.2,
            seed=3,
        ),
        (Floats((3, 4)),),
    ),
}

LIKELIHOODS = {
    likelihoods.Bernoulli: Case(likelihoods.Bernoulli, (Floats((4, 3)),)),
    likelihoods.Categorical: Case(likelihoods.Categorical, (Floats((2, 512)),)),
    likelihoods.Gaussian: Case(
        each(likelihoods.Gaussian, value_range=(-1, 1)), (Floats((4, 3)),)
    ),
    likelihoods.Laplace: Case(
        each(likelihoods.Laplace, scale=0.3), (Floats((4, 3)),)
    ),
    likelihoods.LogisticMixture: Case(
        each(likelihoods.LogisticMixture, num_mixtures=2),
        (Floats((4, 20)),),
    ),
    likelihoods.LogitLaplace: Case(likelihoods.LogitLaplace, (Floats((4, 6)),)),
    likelihoods.MeanAbsoluteError: Case(
        each(likelihoods.MeanAbsoluteError, value_range=(-1, 1)),
        (Floats((4, 3)),),
    ),
    likelihoods.MeanSquaredError: Case(
        each(likelihoods.MeanSquaredError, 0.2), (Floats((4, 3)),)
    ),
}

HEADS = {
    priors.CodeHead: Case(
        each(priors.CodeHead, 5, 4, codes_per_position=2),
        (Floats((3, 4)), Ints((3, 2), 5)),
    ),
    priors.LogisticMixtureHead: Case(
        each(
            priors.LogisticMixtureHead, 4, codes_per_position=2, num_mixtures=2
        ),
        (Floats((3, 4)), Ints((3, 2), 256)),
    ),
}

# === Losses, regularizers, samplers and metrics ===

IMAGE = (8, 8, 3)


def feature_network():
    """A network without weights, which a config would not contain."""
    return keras.Sequential(
        [keras.Input(IMAGE), keras.layers.AveragePooling2D(4)]
    )


LOSSES = {
    losses.Adversary: Case(
        lambda **kwargs: losses.Adversary(
            networks.patch_discriminator(IMAGE, 2, 1),
            weight=0.5,
            start=3,
            ramp_steps=2,
            loss="non_saturating",
            r1_weight=0.1,
            lecam_weight=0.2,
            **kwargs,
        ),
        (Floats(IMAGE),),
    ),
    losses.PerceptualLoss: Case(
        lambda **kwargs: losses.PerceptualLoss(
            feature_network(),
            weight=0.5,
            channel_weights=[[0.5, 0.0, 2.0]],
            **kwargs,
        ),
        (Floats(IMAGE), Floats(IMAGE)),
    ),
    losses.SpectralLoss: Case(
        each(losses.SpectralLoss, 800, (16, 32), (4, 6), weight=0.5),
        (Floats((40, 1)), Floats((40, 1))),
    ),
}

REGULARIZERS = {
    regularizers.CodeEntropy: each(
        regularizers.CodeEntropy, 0.3, temperature=0.5
    ),
    regularizers.Orthogonality: each(regularizers.Orthogonality, 3.0),
}

SAMPLERS = {
    samplers.GreedySampler: samplers.GreedySampler,
    samplers.RandomSampler: each(samplers.RandomSampler, 0.5),
    samplers.TopKSampler: each(samplers.TopKSampler, 3, temperature=0.5),
    samplers.TopPSampler: each(samplers.TopPSampler, 0.9, k=3),
}

SCHEDULES = {
    schedules.Absorbing: lambda: schedules.Absorbing(0.01),
    schedules.MaskAndReplace: lambda: schedules.MaskAndReplace(
        6, (0.9, 0.05), (0.05, 0.9)
    ),
    schedules.DDIM: lambda: schedules.DDIM(0.5),
    schedules.DDPM: schedules.DDPM,
    schedules.DPMSolver: schedules.DPMSolver,
    schedules.Euler: schedules.Euler,
    schedules.Heun: schedules.Heun,
    schedules.LinearBetas: lambda: schedules.LinearBetas(6, 0.1, 0.3),
    schedules.ScaledLinearBetas: lambda: schedules.ScaledLinearBetas(5),
    schedules.RectifiedFlow: lambda: schedules.RectifiedFlow(3.0),
    schedules.ArccosMasking: schedules.ArccosMasking,
    schedules.CosineMasking: schedules.CosineMasking,
}

CODES = np.array([[0, 1], [7, 1]])
IMAGES = np.linspace(0, 1, 2 * 12 * 12 * 3).reshape(2, 12, 12, 3)
PAIR = (IMAGES, IMAGES**2)
AUDIO = np.sin(np.arange(80.0)).reshape(2, 40, 1)
AUDIO_PAIR = (AUDIO, AUDIO**3)


def wide_feature_network():
    return keras.Sequential(
        [keras.Input((12, 12, 3)), keras.layers.AveragePooling2D(4)]
    )


# A factory, and the arguments of an update.
METRICS = {
    metrics.CodebookPerplexity: (
        each(metrics.CodebookPerplexity, 8),
        (CODES,),
    ),
    metrics.CodebookUsage: (each(metrics.CodebookUsage, 8), (CODES,)),
    metrics.FrechetDistance: (
        lambda **kwargs: metrics.FrechetDistance(
            wide_feature_network(), **kwargs
        ),
        PAIR,
    ),
    metrics.LPIPS: (
        lambda **kwargs: metrics.LPIPS(wide_feature_network(), **kwargs),
        PAIR,
    ),
    metrics.LogSpectralDistance: (
        each(metrics.LogSpectralDistance, 8),
        AUDIO_PAIR,
    ),
    metrics.MelDistance: (each(metrics.MelDistance, 800, 16, 4), AUDIO_PAIR),
    metrics.SISDR: (each(metrics.SISDR), AUDIO_PAIR),
    metrics.PSNR: (each(metrics.PSNR, max_value=2.0), PAIR),
    metrics.SSIM: (each(metrics.SSIM, max_value=2.0), PAIR),
}

OPTIMIZERS = {
    training.OptimizerGroup: each(
        training.OptimizerGroup, {"generator": "adam", "discriminator": "sgd"}
    ),
}

# === First stages ===

SMALL = {"hidden_dim": 4, "num_residual_layers": 1, "residual_hidden_dim": 2}


def coders(encoder_dim, decoder_dim, out=3, dtype=None):
    """A small convolutional encoder and decoder of 8 x 8 images."""
    return (
        networks.residual_cnn_encoder(IMAGE, encoder_dim, **SMALL, dtype=dtype),
        networks.residual_cnn_decoder(
            (2, 2, decoder_dim), out, **SMALL, dtype=dtype
        ),
    )


def mlps(encoder_dim, decoder_dim, shape=IMAGE, dtype=None):
    """An encoder and a decoder without a grid."""
    return (
        networks.mlp_encoder(shape, encoder_dim, 4, dtype=dtype),
        networks.mlp_decoder(decoder_dim, IMAGE, 4, dtype=dtype),
    )


def adversary():
    return losses.Adversary(networks.patch_discriminator(IMAGE, 2, 1))


def vqvae(dtype=None, **kwargs):
    encoder, decoder = coders(4, 4, dtype=dtype)
    return models.VQVAE(
        encoder,
        layers.VectorQuantizer(8, 4),
        decoder,
        likelihood=likelihoods.MeanSquaredError(0.5),
        dtype=dtype,
        **kwargs,
    )


def autoencoder(dtype=None, **kwargs):
    return models.Autoencoder(
        *mlps(3, 3, dtype=dtype), likelihood="laplace", dtype=dtype, **kwargs
    )


def vae(dtype=None, **kwargs):
    encoder, decoder = mlps(6, 3, dtype=dtype)
    bottleneck = layers.GaussianBottleneck(3, seed=1)
    return models.VAE(
        encoder, bottleneck, decoder, likelihood="mse", dtype=dtype, **kwargs
    )


def cvae(dtype=None, **kwargs):
    encoder, decoder = mlps(6, 3 + 2, (8, 8, 4), dtype=dtype)
    return models.CVAE(
        networks.conditional_encoder(encoder, 4),
        layers.GaussianBottleneck(3, seed=1),
        networks.conditional_decoder(decoder, 4, label_dim=2),
        num_classes=4,
        dtype=dtype,
        **kwargs,
    )


def kl_autoencoder(dtype=None, **kwargs):
    encoder, decoder = coders(4, 2, dtype=dtype)
    return models.KLAutoencoder(
        encoder,
        layers.GaussianBottleneck(2, kl_weight=0.1, seed=1),
        decoder,
        perceptual_loss=losses.PerceptualLoss(feature_network()),
        adversary=adversary(),
        dtype=dtype,
        **kwargs,
    )


def vqgan(dtype=None, **kwargs):
    encoder, decoder = coders(4, 4, dtype=dtype)
    return models.VQGAN(
        encoder,
        layers.VectorQuantizer(8, 4),
        decoder,
        adversary=adversary(),
        dtype=dtype,
        **kwargs,
    )


def vqvae2(dtype=None, **kwargs):
    encoders, decoders = networks.hierarchical_cnn(
        IMAGE, [4, 3], 3, **SMALL, dtype=dtype
    )
    quantizers = [
        layers.VectorQuantizer(8, 4),
        layers.VectorQuantizerEMA(6, 3),
    ]
    return models.VQVAE2(
        encoders,
        quantizers,
        decoders,
        likelihood="laplace",
        dtype=dtype,
        **kwargs,
    )


def stacked_vqvae(dtype=None, **kwargs):
    first_stage = vqvae(dtype)
    encoder, decoder = networks.code_encoder_decoder(
        first_stage.code_shape, 8, 2, 3, **SMALL, dtype=dtype
    )
    quantizer = layers.VectorQuantizerEMA(4, 3)
    return models.StackedVQVAE(
        first_stage, encoder, quantizer, decoder, dtype=dtype, **kwargs
    )


MODELS = {
    models.Autoencoder: Case(autoencoder, (Floats(IMAGE),)),
    models.CVAE: Case(cvae, ((Floats(IMAGE), Ints((), 4)),)),
    models.KLAutoencoder: Case(kl_autoencoder, (Floats(IMAGE),)),
    models.TextEncoder: Case(
        each(
            models.TextEncoder,
            max_length=5,
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            mask_share=0.4,
            seed=1,
        ),
        (Ints((5,), 96),),
    ),
    models.Pixels: Case(
        each(models.Pixels, IMAGE, num_embeddings=9), (Floats(IMAGE),)
    ),
    models.StackedVQVAE: Case(stacked_vqvae, (Floats(IMAGE),)),
    models.VAE: Case(vae, (Floats(IMAGE),)),
    models.VQGAN: Case(vqgan, (Floats(IMAGE),)),
    models.VQVAE: Case(vqvae, (Floats(IMAGE),)),
    models.VQVAE2: Case(vqvae2, (Floats(IMAGE),)),
}

# === Second stages ===

MAP, NUM_CODES = (3, 2), 5
CODE_MAP = Ints(MAP, NUM_CODES)


def transformer(**kwargs):
    return networks.Transformer(
        MAP,
        NUM_CODES,
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=6,
        positions="rotary",
        tie_weights=True,
        dropout=0.1,
        condition_shape=(2, 1),
        num_condition_embeddings=4,
        **kwargs,
    )


def small_pixelcnn(dtype=None, **kwargs):
    return networks.PixelCNN(
        MAP, NUM_CODES, hidden_dim=4, num_layers=1, dtype=dtype, **kwargs
    )


def denoising_transformer(dtype=None, **kwargs):
    return networks.DenoisingTransformer(
        MAP,
        NUM_CODES,
        num_classes=4,
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=6,
        dropout=0.1,
        condition_shape=(3, 5),
        dtype=dtype,
        **kwargs,
    )


DENOISER_INPUTS = (
    Floats((4, 2, 3)),
    Conditioning(labels=Ints((), 4), condition=Floats((3, 5))),
    Floats(()),
)
NETWORKS = {
    networks.AdaptiveTransformer: Case(
        each(
            networks.AdaptiveTransformer,
            (3, 2),
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=12,
            dropout=0.1,
        ),
        (Floats((3, 2, 8)),),
    ),
    networks.DiffusionTransformer: Case(
        each(
            networks.DiffusionTransformer,
            (4, 2, 3),
            num_classes=4,
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=12,
            dropout=0.1,
            patch_size=2,
            condition_shape=(3, 5),
        ),
        DENOISER_INPUTS,
    ),
    networks.UNet: Case(
        each(
            networks.UNet,
            (4, 2, 3),
            num_classes=4,
            hidden_dim=4,
            channel_multipliers=(1, 2),
            num_residual_layers=1,
            attention_levels=(0,),
            num_heads=2,
            dropout=0.1,
            condition_shape=(3, 5),
        ),
        DENOISER_INPUTS,
    ),
    networks.DenoisingTransformer: Case(
        denoising_transformer,
        (
            CODE_MAP,
            Conditioning(labels=Ints((), 4), condition=Floats((3, 5))),
        ),
    ),
    networks.PixelCNN: Case(
        each(
            networks.PixelCNN,
            (3, 2, 2),
            NUM_CODES,
            num_classes=4,
            codes_per_position=2,
            hidden_dim=4,
            num_layers=2,
            kernel_size=5,
            first_kernel_size=3,
            dropout=0.1,
            seed=1,
        ),
        (Ints((3, 2, 2), NUM_CODES), Conditioning(labels=Ints((), 4))),
    ),
    networks.PixelSNAIL: Case(
        each(
            networks.PixelSNAIL,
            MAP,
            NUM_CODES,
            hidden_dim=8,
            num_layers=2,
            num_attentions=1,
            num_heads=2,
        ),
        (CODE_MAP,),
    ),
    networks.SlidingWindow: Case(
        lambda **kwargs: networks.SlidingWindow(
            small_pixelcnn(**kwargs), (4, 3), **kwargs
        ),
        (Ints((4, 3), NUM_CODES),),
    ),
    networks.Transformer: Case(
        transformer, (CODE_MAP, Conditioning(condition=Ints((2, 1), 4)))
    ),
    networks.WaveNet: Case(
        each(
            networks.WaveNet,
            (6,),
            NUM_CODES,
            hidden_dim=4,
            skip_dim=6,
            num_stacks=1,
            num_layers=2,
            kernel_size=3,
        ),
        (Ints((6,), NUM_CODES),),
    ),
}


def autoregressive_prior(dtype=None, **kwargs):
    return priors.AutoregressivePrior(
        small_pixelcnn(dtype, num_classes=4),
        label_dropout=0.2,
        seed=1,
        dtype=dtype,
        **kwargs,
    )


def hierarchical_prior(dtype=None, **kwargs):
    top, bottom = small_pixelcnn(dtype), small_pixelcnn(dtype, condition_dim=4)
    levels = [priors.AutoregressivePrior(each) for each in (top, bottom)]
    return priors.HierarchicalPrior(
        levels, num_residual_layers=1, dtype=dtype, **kwargs
    )


def maskgit(dtype=None, **kwargs):
    network = networks.DenoisingTransformer(
        MAP, NUM_CODES, 4, num_layers=1, num_heads=2, hidden_dim=8, dtype=dtype
    )
    return priors.MaskGIT(
        network,
        schedules.ArccosMasking(),
        num_steps=3,
        choice_temperature=2.0,
        label_smoothing=0.2,
        label_dropout=0.2,
        seed=1,
        dtype=dtype,
        **kwargs,
    )


def vq_diffusion(dtype=None, **kwargs):
    network = networks.DenoisingTransformer(
        MAP,
        NUM_CODES,
        4,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        takes_time=True,
        dtype=dtype,
    )
    return priors.VQDiffusion(
        network,
        schedules.MaskAndReplace(6),
        num_steps=3,
        auxiliary_weight=0.01,
        label_dropout=0.2,
        seed=1,
        dtype=dtype,
        **kwargs,
    )


def latent_diffusion(dtype=None, **kwargs):
    network = networks.DiffusionTransformer(
        LATENTS, 4, num_layers=1, num_heads=2, hidden_dim=8, dtype=dtype
    )
    return priors.LatentDiffusion(
        network,
        schedules.LinearBetas(6),
        prediction="v",
        solver="ddpm",
        num_steps=3,
        label_dropout=0.2,
        seed=1,
        dtype=dtype,
        **kwargs,
    )


LATENTS = (2, 3, 2)
PRIORS = {
    priors.LatentDiffusion: Case(
        latent_diffusion, ((Floats(LATENTS), Ints((), 4)),)
    ),
    priors.VQDiffusion: Case(vq_diffusion, ((CODE_MAP, Ints((), 4)),)),
    priors.MaskGIT: Case(maskgit, ((CODE_MAP, Ints((), 4)),)),
    priors.AutoregressivePrior: Case(
        autoregressive_prior, ((CODE_MAP, Ints((), 4)),)
    ),
    priors.HierarchicalPrior: Case(hierarchical_prior, ((CODE_MAP, CODE_MAP),)),
}


def generator(dtype=None, **kwargs):
    network = networks.PixelCNN(
        (2, 2), 8, hidden_dim=4, num_layers=1, dtype=dtype
    )
    return keras_vq.LatentGenerator(
        vqvae(dtype), priors.AutoregressivePrior(network), **kwargs
    )


GENERATORS = {
    keras_vq.LatentGenerator: Case(generator, (Floats(IMAGE),)),
}

# Bases, which have no instances of their own.
ABSTRACT = {
    LocationScale,
    layers.Bottleneck,
    layers.Quantizer,
    layers.StreamingLayer,
    likelihoods.Likelihood,
    models.FirstStage,
    models.Tokenizer,
    networks.CausalNetwork,
    networks.LatentDenoiser,
    priors.Prior,
    regularizers.Regularizer,
    samplers.Sampler,
    schedules.Corruption,
    schedules.Masking,
    schedules.Noising,
    schedules.Solver,
    training.Model,
}
