import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import layers
from tests.helpers import gradients
from tests.helpers import to_numpy
from tests.reference import vector_quantizer as reference
from tests.reference.vector_quantizer import MovingAverageCodebook


@pytest.fixture
def codebooks(rng):
    return [rng.normal(size=(6, 2)).astype("float32") for _ in range(3)]


def build(codebooks, cls=layers.VectorQuantizer, **kwargs):
    layer = layers.GroupedVectorQuantizer(cls(6, 2, **kwargs), 3)
    layer.build()
    for group, codebook in zip(layer.groups, codebooks, strict=True):
        group.assign_codes(codebook)
    return layer


def test_forward_losses_and_gradients_equal_those_of_the_parts(rng, codebooks):
    z = keras.Variable(rng.normal(size=(10, 6)).astype("float32"))
    upstream = rng.normal(size=(10, 6)).astype("float32")
    layer = build(codebooks, commitment_cost=0.4)
    outputs = to_numpy(layer(ops.convert_to_tensor(z)))
    parts = np.split(to_numpy(z), 3, axis=-1)
    indices = [
        reference.nearest(p, c) for p, c in zip(parts, codebooks, strict=True)
    ]
    np.testing.assert_array_equal(outputs["indices"], np.stack(indices, -1))
    quantized = [c[k] for c, k in zip(codebooks, indices, strict=True)]
    np.testing.assert_array_equal(
        outputs["quantized"], np.concatenate(quantized, axis=-1)
    )
    # A mean over all elements, as of one quantizer.
    error = np.mean((to_numpy(z) - outputs["quantized"]) ** 2)
    np.testing.assert_allclose(outputs["codebook_loss"], error, rtol=1e-5)
    np.testing.assert_allclose(outputs["commitment_loss"], error, rtol=1e-5)
    np.testing.assert_allclose(outputs["loss"], 1.4 * error, rtol=1e-5)

    def loss():
        outputs = layer(ops.convert_to_tensor(z))
        total = ops.sum(ops.multiply(upstream, outputs["quantized"]))
        return total + outputs["loss"]

    found = gradients(loss, [z, *(g.embeddings for g in layer.groups)])
    difference = 2 * (to_numpy(z) - outputs["quantized"]) / z.shape[0] / 6
    np.testing.assert_allclose(
        found[0], upstream + 0.4 * difference, rtol=1e-5, atol=1e-6
    )
    for g, codebook in enumerate(codebooks):
        expected = np.zeros(codebook.shape)
        for n, k in enumerate(indices[g]):
            expected[k] -= difference[n, 2 * g : 2 * g + 2]
        np.testing.assert_allclose(found[1 + g], expected, rtol=1e-4, atol=1e-6)


def test_a_hundred_steps_of_averages_equal_the_reference(rng, codebooks):
    layer = build(
        codebooks,
        layers.VectorQuantizerEMA,
        decay=0.9,
        epsilon=1e-3,
        revival_threshold=None,
    )
    expected = [MovingAverageCodebook(c, 0.9, 1e-3) for c in codebooks]
    for _ in range(100):
        z = rng.normal(size=(20, 6)).astype("float32")
        found = to_numpy(layer(z, training=True)["indices"])
        for g, part in enumerate(np.split(z, 3, axis=-1)):
            np.testing.assert_array_equal(found[:, g], expected[g].update(part))
    for group, codebook in zip(layer.groups, expected, strict=True):
        np.testing.assert_allclose(
            to_numpy(group.embeddings),
            codebook.embeddings,
            rtol=1e-4,
            atol=1e-5,
        )


def test_shared_groups_are_one_codebook_over_all_parts(rng):
    shared = layers.GroupedVectorQuantizer(
        layers.VectorQuantizerEMA(6, 2, seed=1), 3, shared=True
    )
    single = layers.VectorQuantizerEMA(6, 2, seed=1)
    shared.build()
    single.build()
    single.assign_codes(to_numpy(shared.quantizer.embeddings))
    z = rng.normal(size=(4, 5, 6)).astype("float32")
    mask = rng.uniform(size=(4, 5)) < 0.7
    parts = z.reshape(4, 5, 3, 2)
    a = to_numpy(shared(z, mask=mask, training=True))
    b = to_numpy(
        single(parts, mask=np.repeat(mask[..., None], 3, -1), training=True)
    )
    np.testing.assert_array_equal(a["indices"], b["indices"])
    np.testing.assert_array_equal(
        a["quantized"], b["quantized"].reshape(z.shape)
    )
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-6)
    np.testing.assert_allclose(
        to_numpy(shared.quantizer.embeddings), to_numpy(single.embeddings)
    )
    assert len(shared.weights) == 3


@pytest.mark.parametrize("shared", [False, True])
def test_groups_of_residual_stages(rng, shared):
    """Codes of the first group first, of the first stage first."""
    inner = layers.ResidualVectorQuantizer(layers.VectorQuantizer(5, 2), 2)
    layer = layers.GroupedVectorQuantizer(inner, 3, shared=shared)
    z = rng.uniform(-0.05, 0.05, size=(4, 6)).astype("float32")
    outputs = to_numpy(layer(z))
    assert layer.depth == 6
    assert outputs["indices"].shape == (4, 6)
    first = to_numpy(inner.encode_to_indices(z[:, :2]))
    np.testing.assert_array_equal(outputs["indices"][:, :2], first)
    np.testing.assert_allclose(
        to_numpy(layer.decode_indices(outputs["indices"])),
        outputs["quantized"],
        rtol=1e-6,
    )


def test_many_bits_in_groups(rng):
    layer = layers.GroupedVectorQuantizer(layers.LookupFreeQuantizer(9), 4)
    outputs = to_numpy(layer(rng.normal(size=(3, 36)).astype("float32")))
    assert outputs["indices"].shape == (3, 4)
    assert outputs["indices"].max() < 2**9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((keras.layers.Dense(3),), "a Dense"),
        ((layers.VectorQuantizer(8, 4), 1), "num_groups=1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.GroupedVectorQuantizer(*arguments)
