"""Parts that several factories share."""

import inspect
import math
import pathlib
from typing import Any

import keras

from keras_vq import layers
from keras_vq import likelihoods
from keras_vq import models
from keras_vq.checks import check_choice
from keras_vq.checks import check_input_shape
from keras_vq.checks import check_type
from keras_vq.likelihoods import Likelihood
from keras_vq.losses import Adversary
from keras_vq.losses import PerceptualLoss
from keras_vq.models.first_stage import value_range
from keras_vq.models.wiring import output_shape
from keras_vq.networks.patch_discriminator import patch_discriminator
from keras_vq.published import published
from keras_vq.saving.model_file import load_model_file
from keras_vq.saving.preset import METADATA
from keras_vq.training import Model

# How several codes per position become a sequence.
PATTERNS = ("depthwise", "flattened", "delayed")
# Codes per position of a quantizer that is chosen by name.
NUM_STAGES = 4
NUM_GROUPS = 2


def names_model(part: Any) -> bool:
    """Whether a part is named by its `.keras` file or as a published model."""
    return isinstance(part, str | pathlib.Path) and (
        str(part).endswith(".keras") or str(part) in published(METADATA)
    )


def load_part(part: Any, name: str) -> Any:
    """A part of a model, loaded if it is a `.keras` file or published name.

    Args:
        part: A `keras.Model`, layer, path of a `.keras` file, name of a model
            of the zoo, or None, which is returned as it is.
        name: Name of the argument, for error messages.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is something else, or the file is damaged.
    """
    if part is None:
        return None
    if not names_model(part):
        return check_type(
            name,
            part,
            keras.layers.Layer,
            "a keras.Model, a layer, the path of a .keras file or the name of "
            "a published model",
        )
    if str(part) in published(METADATA):
        return Model.from_preset(str(part))
    if not pathlib.Path(part).is_file():
        raise FileNotFoundError(
            f"There is no model for `{name}` at {part}. Train it first, or "
            "give another .keras file or the name of a published model "
            f"({', '.join(published(METADATA))}). If the file was moved after "
            f"training, write its new path to `{name}` in the run's "
            "recipe.toml."
        )
    return load_model_file(part, compile=False)


def load_tokenizer(
    tokenizer: Any, name: str = "tokenizer", kind: Any = models.Tokenizer
) -> Any:
    """A tokenizer, loaded if it is the path of a `.keras` file.

    Args:
        tokenizer: `keras_vq.models.Tokenizer` or path of a `.keras` file.
        name: Name of the argument, for error messages. Defaults to
            `"tokenizer"`.
        kind: The class that is needed. Defaults to any tokenizer.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is something else, or the file is damaged.
    """
    return check_type(
        name,
        load_part(tokenizer, name),
        kind,
        f"a keras_vq.models.{kind.__name__} or the path of its .keras file",
    )


def load_first_stage(tokenizer: Any) -> models.FirstStage:
    """A first stage with continuous latents; see `load_tokenizer`."""
    first_stage: models.FirstStage = load_tokenizer(
        tokenizer, kind=models.FirstStage
    )
    first_stage.check_continuous()
    return first_stage


def arranged_codes(
    tokenizer: models.Tokenizer, pattern: str
) -> tuple[tuple[int, ...], int]:
    """Shape of the codes, and codes per position, of a prior's network.

    Args:
        tokenizer: A tokenizer with one map of codes.
        pattern: One of `PATTERNS`: the codes of a position one after the other
            by the prior's head, by the network, or each a step later than the
            one before.

    Raises:
        ValueError: If the pattern is unknown, or not for these codes.
    """
    check_choice("pattern", pattern, PATTERNS)
    shape, count = tokenizer.code_shape, tokenizer.codes_per_position
    if pattern == "depthwise":
        return shape, count
    if count == 1:
        raise ValueError(
            "Patterns are for tokenizers with several codes per position. "
            f"Received: pattern={pattern!r} for codes of shape {shape}"
        )
    if pattern == "flattened":
        return shape, 1
    if len(shape) != 2:
        raise ValueError(
            'pattern="delayed" is for sequences of codes, (time, stages). '
            f"Received: codes of shape {shape}"
        )
    return (shape[0] + count - 1, count), count


def grid_of(
    encoder: keras.layers.Layer, input_shape: tuple[int, ...]
) -> tuple[int, ...]:
    """Spatial shape of an encoder's output, the grid that a decoder takes."""
    return output_shape("encoder", encoder, input_shape)[:-1]


def make_likelihood(
    likelihood: str | Likelihood,
    data_variance: float | None,
    input_shape: tuple[int, ...],
) -> Likelihood:
    """Create the likelihood of inputs; see `keras_vq.likelihoods.get`."""
    shape = check_input_shape(input_shape)
    return likelihoods.get(likelihood, value_range(shape), data_variance)


def make_quantizer(
    quantizer: str | layers.Quantizer | None,
    num_embeddings: int,
    embedding_dim: int,
    commitment_cost: float,
    ema_decay: float | None,
    decay_warmup: bool,
) -> layers.Quantizer:
    """Create the quantizer that a factory's arguments describe.

    Args:
        quantizer: A quantizer of `keras_vq.layers`, returned as it is; the name
            of one, such as `"residual_vector_quantizer"`; the class name of a
            subclass of `keras_vq.layers.Quantizer`, which is passed those of
            the next three arguments that its constructor takes; or None for
            `"vector_quantizer_ema"`, or for `"vector_quantizer"` if `ema_decay`
            is None.
        num_embeddings: int, number of codes, K. A finite scalar quantizer gets
            levels whose product is close to K, a lookup-free quantizer log2(K)
            bits.
        embedding_dim: int, length of a code, D; ignored by those two.
        commitment_cost: float, the VQ-VAE's beta.
        ema_decay: float, decay of the codebook's moving averages, or None for
            a codebook trained by gradient.
        decay_warmup: bool, whether that decay starts low; see
            `keras_vq.layers.VectorQuantizerEMA`.

    Returns:
        A quantizer of `keras_vq.layers`.

    Raises:
        ValueError: If the name is unknown, or the numbers do not fit.
    """
    if isinstance(quantizer, layers.Quantizer):
        return quantizer
    k, dim, cost = num_embeddings, embedding_dim, commitment_cost

    def vector_quantizer(dim):
        if ema_decay is None:
            return layers.VectorQuantizer(k, dim, cost)
        return layers.VectorQuantizerEMA(
            k, dim, cost, decay=ema_decay, decay_warmup=decay_warmup
        )

    makers = {
        "vector_quantizer": lambda: layers.VectorQuantizer(k, dim, cost),
        "vector_quantizer_ema": lambda: layers.VectorQuantizerEMA(
            k, dim, cost, decay=ema_decay or 0.99, decay_warmup=decay_warmup
        ),
        "finite_scalar_quantizer": lambda: layers.FiniteScalarQuantizer(
            levels_near(k)
        ),
        "residual_vector_quantizer": lambda: layers.ResidualVectorQuantizer(
            vector_quantizer(dim), NUM_STAGES
        ),
        "grouped_vector_quantizer": lambda: layers.GroupedVectorQuantizer(
            vector_quantizer(_dim_of_group(dim)), NUM_GROUPS
        ),
        "gumbel_quantizer": lambda: layers.GumbelQuantizer(k, dim),
        "sim_vector_quantizer": lambda: layers.SimVectorQuantizer(k, dim, cost),
        "random_projection_quantizer": lambda: layers.RandomProjectionQuantizer(
            k, dim, code_dim=min(16, dim)
        ),
        "lookup_free_quantizer": lambda: layers.LookupFreeQuantizer(
            _bits_of(k), commitment_cost=cost
        ),
    }
    if quantizer is None:
        return vector_quantizer(dim)
    if not isinstance(quantizer, str):
        raise ValueError(
            "`quantizer` must be a quantizer of keras_vq.layers or its name. "
            f"Received: quantizer={quantizer!r}"
        )
    classes = _subclasses(layers.Quantizer)
    if quantizer in classes:
        numbers = {
            "num_embeddings": k,
            "embedding_dim": dim,
            "commitment_cost": cost,
        }
        known = inspect.signature(classes[quantizer]).parameters
        return classes[quantizer](
            **{name: x for name, x in numbers.items() if name in known}
        )
    check_choice("quantizer", quantizer, makers)
    return makers[quantizer]()


def _subclasses(cls):
    """dict, class names to the classes derived from a class."""
    found: dict[str, Any] = {}
    for subclass in cls.__subclasses__():
        found |= {subclass.__name__: subclass, **_subclasses(subclass)}
    return found


def levels_near(num_embeddings):
    """FSQ levels, about 6 per channel, whose product is close to a number.

    Args:
        num_embeddings: int >= 2.

    Returns:
        tuple of int.
    """
    channels = max(1, round(math.log(num_embeddings, 6)))
    levels, rest = [], float(num_embeddings)
    for left in range(channels, 0, -1):
        levels.append(max(2, round(rest ** (1 / left))))
        rest /= levels[-1]
    return tuple(levels)


def _dim_of_group(embedding_dim):
    if embedding_dim % NUM_GROUPS:
        raise ValueError(
            f"`embedding_dim` must be divisible by the {NUM_GROUPS} groups of "
            f"the quantizer. Received: embedding_dim={embedding_dim}"
        )
    return embedding_dim // NUM_GROUPS


def _bits_of(num_embeddings):
    bits = num_embeddings.bit_length() - 1
    if num_embeddings != 2**bits:
        raise ValueError(
            "The number of codes of a lookup-free quantizer must be a power of "
            f"two. Received: num_embeddings={num_embeddings}"
        )
    return bits


def make_perceptual_loss(loss, weight):
    """A perceptual loss from its name, a network, the network's file, or None.

    Args:
        loss: None; `"lpips"`; a `keras.Model` from images in [0, 1] to feature
            maps, or the path of its `.keras` file; or a
            `keras_vq.losses.PerceptualLoss`, returned as it is.
        weight: float, its weight; 0 for none.
    """
    if loss is None or weight == 0:
        return None
    if loss != "lpips":
        loss = load_part(loss, "perceptual_loss")
    if isinstance(loss, PerceptualLoss):
        return loss
    return PerceptualLoss(loss, weight)


def make_adversary(
    adversary,
    input_shape,
    disc_weight,
    disc_start,
    disc_ramp_steps,
    disc_loss,
    disc_hidden_dim,
    disc_num_layers,
    disc_normalization,
    r1_weight,
    lecam_weight,
    dtype,
):
    """An adversary with a patch discriminator, or None for a weight of 0.

    Args:
        adversary: A `keras_vq.losses.Adversary`, returned as it is, or None.
        input_shape: tuple of int, shape of one input.
        disc_weight, disc_start, disc_ramp_steps, disc_loss, r1_weight,
            lecam_weight: `weight`, `start`, `ramp_steps`, `loss`, `r1_weight`
            and `lecam_weight` of `keras_vq.losses.Adversary`.
        disc_hidden_dim, disc_num_layers, disc_normalization: `hidden_dim`,
            `num_layers` and `normalization` of
            `keras_vq.networks.patch_discriminator`.
        dtype: dtype policy of the discriminator.
    """
    if adversary is not None or disc_weight == 0:
        return adversary
    discriminator = patch_discriminator(
        input_shape, disc_hidden_dim, disc_num_layers, disc_normalization, dtype
    )
    return Adversary(
        discriminator,
        weight=disc_weight,
        start=disc_start,
        ramp_steps=disc_ramp_steps,
        loss=disc_loss,
        r1_weight=r1_weight,
        lecam_weight=lecam_weight,
    )


def compile_adversarial(model, learning_rate):
    """Compile with Adam as in the VQGAN paper, one optimizer per network."""

    def adam():
        return keras.optimizers.Adam(learning_rate, beta_1=0.5, beta_2=0.9)

    groups = model.variable_groups()
    model.compile({name: adam() for name in groups} if groups else adam())


def compile_adamw(model, learning_rate, weight_decay, beta_2):
    """Compile with AdamW, without decay of biases, norms and embeddings."""
    optimizer = keras.optimizers.AdamW(
        learning_rate, weight_decay=weight_decay, beta_2=beta_2
    )
    optimizer.exclude_from_weight_decay(
        var_names=["bias", "gamma", "beta", "embeddings"]
    )
    model.compile(optimizer)
