import keras
import numpy as np
import pytest
from keras import ops

from keras_vq.layers import VectorQuantizer
from keras_vq.layers import VectorQuantizerEMA
from tests.helpers import gradients
from tests.helpers import to_numpy
from tests.reference import vector_quantizer as reference

BOTH = pytest.mark.parametrize("cls", [VectorQuantizer, VectorQuantizerEMA])


def built(cls, embeddings, **kwargs):
    layer = cls(*embeddings.shape, **kwargs)
    layer.build()
    layer.embeddings.assign(embeddings)
    return layer


@pytest.fixture
def embeddings(rng):
    return rng.normal(size=(6, 3)).astype("float32")


@BOTH
@pytest.mark.parametrize("shape", [(10, 3), (4, 5, 3), (2, 2, 3, 3), (0, 4, 3)])
def test_forward_equals_the_reference(rng, embeddings, cls, shape):
    z = rng.normal(size=shape).astype("float32")
    layer = built(cls, embeddings)
    outputs = to_numpy(layer(z))
    expected = reference.nearest(z.reshape(-1, 3), embeddings)
    assert outputs["indices"].dtype == "int32"
    assert outputs["indices"].shape == shape[:-1]
    np.testing.assert_array_equal(outputs["indices"].ravel(), expected)
    assert outputs["quantized"].shape == shape
    np.testing.assert_array_equal(
        outputs["quantized"].reshape(-1, 3), embeddings[expected]
    )


def test_moving_average_has_no_codebook_loss(rng, embeddings):
    z = rng.normal(size=(9, 3)).astype("float32")
    layer = built(VectorQuantizerEMA, embeddings, commitment_cost=0.4)
    outputs = to_numpy(layer(z))
    assert set(outputs) == {"quantized", "indices", "loss", "commitment_loss"}
    np.testing.assert_allclose(
        outputs["loss"], 0.4 * outputs["commitment_loss"], rtol=1e-6
    )


@pytest.mark.parametrize("part", ["codebook_loss", "commitment_loss"])
def test_each_loss_moves_one_side_only(rng, embeddings, part):
    """The swapped version is the best-known bug of the field."""
    z = keras.Variable(rng.normal(size=(10, 3)).astype("float32"))
    layer = built(VectorQuantizer, embeddings)

    def loss():
        return layer(ops.convert_to_tensor(z))[part]

    grad_z, grad_codes = gradients(loss, [z, layer.embeddings])
    moved = {
        "z": grad_z is not None and np.any(grad_z),
        "codes": grad_codes is not None and np.any(grad_codes),
    }
    expected = "codes" if part == "codebook_loss" else "z"
    assert moved == {name: name == expected for name in moved}


@BOTH
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_quantized_has_the_dtype_of_z_and_losses_are_float32(
    rng, embeddings, cls, dtype
):
    layer = built(cls, embeddings, dtype="mixed_bfloat16")
    z = ops.cast(rng.normal(size=(10, 3)), dtype)
    outputs = layer(z, training=True)
    dtypes = {
        name: keras.backend.standardize_dtype(x.dtype)
        for name, x in outputs.items()
    }
    assert dtypes.pop("quantized") == dtype
    assert dtypes.pop("indices") == "int32"
    assert set(dtypes.values()) == {"float32"}
    assert layer.embeddings.dtype == "float32"


@BOTH
def test_losses_of_bfloat16_are_computed_in_float32(rng, embeddings, cls):
    layer = built(cls, embeddings)
    z = ops.cast(rng.normal(size=(500, 3)), "bfloat16")
    found = to_numpy(layer(z))
    expected = to_numpy(layer(ops.cast(z, "float32")))
    for name in ("loss", *layer.loss_names):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)


@BOTH
def test_a_new_layer_can_decode(rng, cls):
    layer = cls(8, 4)
    assert layer.decode_indices(np.array([1, 7])).shape == (2, 4)
    z = rng.normal(size=(5, 4)).astype("float32")
    assert cls(8, 4).encode_to_indices(z).shape == (5,)


@BOTH
def test_decoding_the_codes_gives_the_quantized_output(rng, embeddings, cls):
    layer = built(cls, embeddings)
    for shape in [(7, 3), (2, 3, 4, 3), (0, 3)]:
        z = rng.normal(size=shape).astype("float32")
        codes = layer.decode_indices(layer.encode_to_indices(z))
        quantized = layer(z)["quantized"]
        np.testing.assert_array_equal(to_numpy(codes), to_numpy(quantized))


@BOTH
def test_codebook_is_frozen_at_inference(rng, embeddings, cls):
    layer = built(cls, embeddings)
    before = [to_numpy(v) for v in layer.variables]
    layer(rng.normal(size=(10, 3)).astype("float32"), training=False)
    for old, variable in zip(before, layer.variables, strict=True):
        np.testing.assert_array_equal(old, to_numpy(variable))


@BOTH
def test_losses_are_added_only_on_request(rng, embeddings, cls):
    z = rng.normal(size=(10, 3)).astype("float32")
    layer = built(cls, embeddings)
    layer(z)
    assert layer.losses == []
    layer = built(cls, embeddings, add_losses=True)
    outputs = layer(z)
    assert len(layer.losses) == 1
    np.testing.assert_allclose(
        to_numpy(layer.losses[0]), to_numpy(outputs["loss"])
    )


@BOTH
def test_functional_model_trains_with_the_stock_fit(rng, cls):
    inputs = keras.Input((4, 4, 3))
    z = keras.layers.Dense(4)(inputs)
    outputs = cls(8, 4, add_losses=True)(z)
    decoded = keras.layers.Dense(3)(outputs["quantized"])
    model = keras.Model(inputs, decoded)
    model.compile(keras.optimizers.Adam(0.02), "mse")
    x = rng.uniform(size=(64, 4, 4, 3)).astype("float32")
    history = model.fit(x, x, epochs=15, verbose=0).history["loss"]
    assert history[-1] < 0.8 * history[0]


@BOTH
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 4), "`num_embeddings` must be an integer from 2 to .*ngs=1$"),
        ((2.5, 4), "num_embeddings=2.5"),
        ((8, 0), r"`embedding_dim` must be an integer >= 1. Received: .*=0"),
        ((8, 4, -0.1), "commitment_cost=-0.1"),
    ],
)
def test_bad_arguments_are_reported(cls, arguments, message):
    with pytest.raises(ValueError, match=message):
        cls(*arguments)


@BOTH
def test_vectors_of_another_length_are_reported(cls):
    with pytest.raises(ValueError, match=r"embedding_dim=4.*\(2, 5\)"):
        cls(8, 4)(np.zeros((2, 5), "float32"))
