"""Every quantizer and its options, paired with a NumPy reference."""

from typing import Any
from typing import NamedTuple

import keras

from keras_vq import layers
from tests.reference import rotation_trick
from tests.reference.cosine import CosineVectorQuantizer
from tests.reference.cosine import CosineVectorQuantizerEMA
from tests.reference.finite_scalar_quantizer import FiniteScalarQuantizer
from tests.reference.grouped_vector_quantizer import GroupedVectorQuantizer
from tests.reference.grouped_vector_quantizer import SharedGroups
from tests.reference.gumbel_quantizer import GumbelQuantizer
from tests.reference.lookup_free_quantizer import LookupFreeQuantizer
from tests.reference.projected_quantizer import ProjectedQuantizer
from tests.reference.random_projection_quantizer import (
    RandomProjectionQuantizer,
)
from tests.reference.residual_vector_quantizer import ResidualVectorQuantizer
from tests.reference.sim_vector_quantizer import SimVectorQuantizer
from tests.reference.vector_quantizer import VectorQuantizer
from tests.reference.vector_quantizer_ema import VectorQuantizerEMA

BATCH, POSITIONS = 5, 2


class Case(NamedTuple):
    layer: layers.Quantizer
    reference: Any
    draws: tuple[int, ...] | None = None  # shape of a step's uniform noise


COSTS = {"commitment_cost": 0.4, "codebook_cost": 1.5}
EMA = {
    "commitment_cost": 0.4,
    "decay": 0.9,
    "epsilon": 1e-3,
    "revival_threshold": None,
}
BITS = {
    "entropy_cost": 0.3,
    "diversity": 0.2,  # higher values lose digits by cancellation
    "commitment_cost": 0.4,
    "inverse_temperature": 0.6,
}
LEVELS = (8, 5, 2, 3)


def vector_quantizer(normal):
    return Case(
        layers.VectorQuantizer(6, 3, **COSTS),
        VectorQuantizer(normal(6, 3), **COSTS),
    )


def vector_quantizer_with_rotation(normal):
    return Case(
        layers.VectorQuantizer(6, 3, estimator="rotation", **COSTS),
        VectorQuantizer(
            normal(6, 3), estimator=rotation_trick.gradient, **COSTS
        ),
    )


def cosine(normal):
    return Case(
        layers.VectorQuantizer(6, 3, distance="cosine", **COSTS),
        CosineVectorQuantizer(normal(6, 3), **COSTS),
    )


def ema(normal):
    return Case(
        layers.VectorQuantizerEMA(6, 3, **EMA),
        VectorQuantizerEMA(normal(6, 3), **EMA),
    )


def ema_with_revival(normal):
    revival = EMA | {"revival_threshold": 0.5}
    return Case(
        layers.VectorQuantizerEMA(6, 3, seed=1, **revival),
        VectorQuantizerEMA(normal(6, 3), **revival),
        draws=(6,),
    )


def cosine_ema(normal):
    return Case(
        layers.VectorQuantizerEMA(6, 3, distance="cosine", **EMA),
        CosineVectorQuantizerEMA(normal(6, 3), **EMA),
    )


def residual(normal):
    first = layers.VectorQuantizer(6, 3, estimator="rotation", **COSTS)
    return Case(
        layers.ResidualVectorQuantizer(first, 3),
        ResidualVectorQuantizer(
            [VectorQuantizer(0.5**i * normal(6, 3), **COSTS) for i in range(3)],
            estimator=rotation_trick.gradient,
        ),
    )


def residual_ema(normal):
    first = layers.VectorQuantizerEMA(6, 3, **EMA)
    return Case(
        layers.ResidualVectorQuantizer(first, 2),
        ResidualVectorQuantizer(
            [VectorQuantizerEMA(normal(6, 3), **EMA) for _ in range(2)]
        ),
    )


def residual_with_a_shared_codebook(normal):
    first = layers.VectorQuantizer(6, 3, **COSTS)
    return Case(
        layers.ResidualVectorQuantizer(first, 3, shared=True),
        ResidualVectorQuantizer([VectorQuantizer(normal(6, 3), **COSTS)] * 3),
    )


def residual_ema_with_a_shared_codebook(normal):
    first = layers.VectorQuantizerEMA(6, 3, **EMA)
    one = VectorQuantizerEMA(normal(6, 3), **EMA)
    return Case(
        layers.ResidualVectorQuantizer(first, 2, shared=True),
        ResidualVectorQuantizer([one, one]),
    )


def residual_with_dropout(normal):
    first = layers.VectorQuantizer(6, 3, **COSTS)
    stages = [VectorQuantizer(normal(6, 3), **COSTS) for _ in range(3)]
    return Case(
        layers.ResidualVectorQuantizer(first, 3, dropout=0.6, seed=1),
        ResidualVectorQuantizer(stages, dropout=0.6),
        draws=(2, BATCH, 1),
    )


def residual_ema_with_dropout(normal):
    first = layers.VectorQuantizerEMA(6, 3, **EMA)
    one = VectorQuantizerEMA(normal(6, 3), **EMA)
    return Case(
        layers.ResidualVectorQuantizer(
            first, 2, shared=True, dropout=0.6, seed=1
        ),
        ResidualVectorQuantizer([one, one], dropout=0.6),
        draws=(2, BATCH, 1),
    )


def grouped(normal):
    first = layers.VectorQuantizer(6, 2, **COSTS)
    return Case(
        layers.GroupedVectorQuantizer(first, 3),
        GroupedVectorQuantizer(
            [VectorQuantizer(normal(6, 2), **COSTS) for _ in range(3)]
        ),
    )


def grouped_ema(normal):
    first = layers.VectorQuantizerEMA(6, 2, **EMA)
    return Case(
        layers.GroupedVectorQuantizer(first, 3),
        GroupedVectorQuantizer(
            [VectorQuantizerEMA(normal(6, 2), **EMA) for _ in range(3)]
        ),
    )


def grouped_with_a_shared_codebook(normal):
    one = layers.VectorQuantizer(6, 2, **COSTS)
    return Case(
        layers.GroupedVectorQuantizer(one, 3, shared=True),
        SharedGroups(VectorQuantizer(normal(6, 2), **COSTS), 3),
    )


def grouped_ema_with_a_shared_codebook(normal):
    one = layers.VectorQuantizerEMA(6, 2, **EMA)
    return Case(
        layers.GroupedVectorQuantizer(one, 3, shared=True),
        SharedGroups(VectorQuantizerEMA(normal(6, 2), **EMA), 3),
    )


def finite_scalar(normal):
    return Case(
        layers.FiniteScalarQuantizer(LEVELS), FiniteScalarQuantizer(LEVELS)
    )


def lookup_free(normal):
    return Case(
        layers.LookupFreeQuantizer(4, **BITS),
        LookupFreeQuantizer(4, **BITS, spherical=False),
    )


def lookup_free_on_the_sphere(normal):
    return Case(
        layers.LookupFreeQuantizer(4, **BITS, spherical=True),
        LookupFreeQuantizer(4, **BITS, spherical=True),
    )


def gumbel(normal, hard=True):
    schedule = keras.optimizers.schedules.PolynomialDecay(2.0, 60, 0.5)
    return Case(
        layers.GumbelQuantizer(
            5, 3, temperature=schedule, kl_cost=0.3, hard=hard, seed=1
        ),
        GumbelQuantizer(
            0.5 * normal(3, 5),
            normal(5),
            normal(5, 3),
            temperature=lambda step: 2.0 - 1.5 * min(step, 60) / 60,
            kl_cost=0.3,
            hard=hard,
        ),
        draws=(BATCH, POSITIONS, 5),
    )


def soft_gumbel(normal):
    return gumbel(normal, hard=False)


def sim(normal):
    return Case(
        layers.SimVectorQuantizer(6, 3, **COSTS),
        SimVectorQuantizer(normal(6, 3), **COSTS),
    )


def random_projection(normal):
    return Case(
        layers.RandomProjectionQuantizer(9, 5, code_dim=3),
        RandomProjectionQuantizer(normal(5, 3), normal(9, 3)),
    )


def projected(normal):
    inside = layers.VectorQuantizer(6, 2, **COSTS)
    return Case(
        layers.ProjectedQuantizer(inside, 4),
        ProjectedQuantizer(
            VectorQuantizer(normal(6, 2), **COSTS), normal(4, 2), normal(2, 4)
        ),
    )


def projected_ema(normal):
    inside = layers.VectorQuantizerEMA(6, 4, distance="cosine", **EMA)
    return Case(
        layers.ProjectedQuantizer(inside, 5),
        ProjectedQuantizer(
            CosineVectorQuantizerEMA(normal(6, 4), **EMA),
            normal(5, 4),
            normal(4, 5),
        ),
    )


CASES = (
    vector_quantizer,
    vector_quantizer_with_rotation,
    cosine,
    ema,
    ema_with_revival,
    cosine_ema,
    residual,
    residual_ema,
    residual_with_a_shared_codebook,
    residual_ema_with_a_shared_codebook,
    residual_with_dropout,
    residual_ema_with_dropout,
    grouped,
    grouped_ema,
    grouped_with_a_shared_codebook,
    grouped_ema_with_a_shared_codebook,
    finite_scalar,
    lookup_free,
    lookup_free_on_the_sphere,
    gumbel,
    soft_gumbel,
    sim,
    random_projection,
    projected,
    projected_ema,
)
