import keras
import numpy as np
import pytest

from keras_vq import layers
from tests.helpers import to_numpy


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
    assert layer.codes_per_position == 6
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
        ((keras.layers.Dense(3),), "type Dense"),
        ((layers.VectorQuantizer(8, 4), 1), "num_groups=1"),
        ((layers.LookupFreeQuantizer(4, add_losses=True),), "outermost layer"),
    ],
)
def test_bad_arguments_are_reported(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.GroupedVectorQuantizer(*arguments)
