"""Distance, estimator, weights, regularizers and masks of both codebooks."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq.layers import VectorQuantizer
from keras_vq.layers import VectorQuantizerEMA
from keras_vq.regularizers import CodeEntropy
from keras_vq.regularizers import Orthogonality
from tests.helpers import assert_close
from tests.helpers import gradients
from tests.helpers import to_numpy
from tests.reference import regularizers
from tests.reference import rotation_trick
from tests.reference.regularizers import numerical_gradient

BOTH = pytest.mark.parametrize("cls", [VectorQuantizer, VectorQuantizerEMA])


@pytest.fixture
def embeddings(rng):
    return rng.normal(size=(6, 3)).astype("float32")


def built(cls, embeddings, **kwargs):
    layer = cls(*embeddings.shape, **kwargs)
    layer.assign_codes(embeddings)
    return layer


@BOTH
def test_cosine_of_zero_vectors_is_defined(embeddings, cls):
    """Code 0, whatever rounding says, and no NaN, forward and backward."""
    z = keras.Variable(np.zeros((4, 3), "float32"))
    embeddings[2] = 0
    layer = built(cls, embeddings, distance="cosine")
    outputs = to_numpy(layer(ops.convert_to_tensor(z), training=True))
    np.testing.assert_array_equal(outputs["indices"], 0)
    assert all(np.isfinite(value).all() for value in outputs.values())
    assert np.isfinite(to_numpy(layer.embeddings)).all()
    variables = [z, *layer.trainable_variables]
    for grad in gradients(
        lambda: layer(ops.convert_to_tensor(z))["loss"], variables
    ):
        assert np.isfinite(grad).all()


@BOTH
def test_rotation_changes_the_gradient_of_z_alone(rng, embeddings, cls):
    z = keras.Variable(rng.normal(size=(10, 3)).astype("float32"))
    upstream = rng.normal(size=(10, 3)).astype("float32")
    layer = built(cls, embeddings, estimator="rotation")
    outputs = to_numpy(layer(ops.convert_to_tensor(z)))
    codes = embeddings[outputs["indices"]]
    np.testing.assert_array_equal(outputs["quantized"], codes)

    def loss():
        quantized = layer(ops.convert_to_tensor(z))["quantized"]
        return ops.sum(ops.multiply(upstream, quantized))

    found = gradients(loss, [z, *layer.trainable_variables])
    expected = rotation_trick.gradient(
        *(x.astype("float64") for x in (to_numpy(z), codes, upstream))
    )
    assert_close(found[0], expected)
    assert all(g is None or not np.any(g) for g in found[1:])


def test_orthogonality_equals_the_reference(rng, embeddings):
    layer = built(
        VectorQuantizer, embeddings, regularizers=[Orthogonality(2.5)]
    )
    z = ops.convert_to_tensor(rng.normal(size=(5, 3)).astype("float32"))
    outputs = to_numpy(layer(z))
    codes = embeddings.astype("float64")
    expected = regularizers.orthogonality(codes)
    assert_close(outputs["orthogonality_loss"], expected)
    rest = outputs["codebook_loss"] + 0.25 * outputs["commitment_loss"]
    assert_close(outputs["loss"], rest + 2.5 * expected)
    (found,) = gradients(
        lambda: layer(z)["orthogonality_loss"], [layer.embeddings]
    )
    assert_close(found, numerical_gradient(regularizers.orthogonality, codes))


@BOTH
def test_entropy_equals_the_reference_and_is_of_valid_vectors(
    rng, embeddings, cls
):
    z = keras.Variable(rng.normal(size=(4, 5, 3)).astype("float32"))
    mask = rng.uniform(size=(4, 5)) < 0.6
    layer = built(cls, embeddings, regularizers=[CodeEntropy(0.3, 0.5)])

    def loss():
        outputs = layer(ops.convert_to_tensor(z), mask=mask)
        return outputs["entropy_loss"]

    def expected(z, codes):
        return regularizers.code_entropy(z, codes, temperature=0.5)

    vectors = to_numpy(z)[mask].astype("float64")
    codes = embeddings.astype("float64")
    assert_close(to_numpy(loss()), expected(vectors, codes))
    to_z, *to_codes = gradients(loss, [z, *layer.trainable_variables])
    assert_close(
        to_z[mask], numerical_gradient(lambda z: expected(z, codes), vectors)
    )
    assert not np.any(to_z[~mask])
    if cls is VectorQuantizer:
        assert_close(
            to_codes[0],
            numerical_gradient(lambda c: expected(vectors, c), codes),
        )


@BOTH
def test_entropy_moves_vectors_towards_a_choice(embeddings, cls):
    z = keras.Variable(np.array([[0.1, 0.0, 0.0]], "float32"))
    embeddings[:] = [[1, 0, 0], [-1, 0, 0]] * 3
    layer = built(cls, embeddings[:2], regularizers=[CodeEntropy()])
    # Of one vector both entropies are the same: take two far apart.
    both = ops.convert_to_tensor([[-3.0, 0.0, 0.0]])

    def loss():
        x = ops.concatenate([ops.convert_to_tensor(z), both])
        return layer(x)["entropy_loss"]

    (found,) = gradients(loss, [z])
    assert found[0, 0] < 0


@BOTH
def test_losses_and_statistics_are_those_of_the_valid_vectors(
    rng, embeddings, cls
):
    z = rng.normal(size=(4, 5, 3)).astype("float32")
    mask = rng.uniform(size=(4, 5)) < 0.6
    layers = [
        built(cls, embeddings, seed=1)
        if cls is VectorQuantizerEMA
        else built(cls, embeddings)
        for _ in range(2)
    ]
    masked = to_numpy(layers[0](z, mask=mask, training=True))
    alone = to_numpy(layers[1](z[mask], training=True))
    for name in ("loss", *layers[0].loss_names):
        np.testing.assert_allclose(masked[name], alone[name], rtol=1e-5)
    for a, b in zip(layers[0].weights, layers[1].weights, strict=True):
        np.testing.assert_allclose(
            to_numpy(a), to_numpy(b), rtol=1e-5, atol=1e-6
        )


def test_revived_codes_are_valid_vectors(rng):
    embeddings = np.full((16, 2), 70, "float32")
    layer = built(
        VectorQuantizerEMA, embeddings, decay=0.5, revival_threshold=0.9
    )
    z = rng.normal(size=(10, 8, 2)).astype("float32")
    mask = rng.uniform(size=(10, 8)) < 0.3
    layer(z, mask=mask, training=True)
    codes = to_numpy(layer.embeddings)[1:]
    assert len(np.unique(codes, axis=0)) > 5
    for code in codes:
        assert np.any(np.all(z[mask] == code, axis=1))


def test_a_batch_without_valid_vectors_changes_no_code(rng, embeddings):
    layer = built(VectorQuantizerEMA, embeddings)
    z = rng.normal(size=(4, 3)).astype("float32")
    outputs = to_numpy(layer(z, mask=np.zeros(4, "bool"), training=True))
    assert outputs["loss"] == 0
    np.testing.assert_allclose(
        to_numpy(layer.embeddings), embeddings, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("cls", "kwargs", "message"),
    [
        (VectorQuantizer, {"distance": "l1"}, "'l2', 'cosine'.*'l1'"),
        (VectorQuantizer, {"estimator": "ste"}, "'rotation'.*'ste'"),
        (VectorQuantizer, {"codebook_cost": -1}, "codebook_cost=-1"),
        (
            VectorQuantizerEMA,
            {"codebook_cost": 1},
            "moving average.*codebook_cost=1",
        ),
        (
            VectorQuantizerEMA,
            {"regularizers": [Orthogonality()]},
            "no gradient.*Orthogonality",
        ),
    ],
)
def test_bad_arguments_are_reported(cls, kwargs, message):
    with pytest.raises(ValueError, match=message):
        cls(8, 4, **kwargs)


def test_bad_regularizers_are_reported():
    with pytest.raises(ValueError, match="weight=-1"):
        Orthogonality(-1)
    with pytest.raises(ValueError, match="temperature=0"):
        CodeEntropy(1.0, temperature=0)
