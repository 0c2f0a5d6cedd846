import keras
import numpy as np
import pytest

from keras_vq import layers
from tests.helpers import gradients
from tests.helpers import to_numpy
from tests.reference.vector_quantizer import nearest


def build(codebooks, cls=layers.VectorQuantizer, stage=None, **kwargs):
    template = cls(*codebooks[0].shape, **(stage or {}))
    layer = layers.ResidualVectorQuantizer(template, len(codebooks), **kwargs)
    layer.build()
    for quantizer, codebook in zip(layer.stages, codebooks, strict=True):
        quantizer.assign_codes(codebook)
    return layer


@pytest.fixture
def codebooks(rng):
    return [
        rng.normal(scale=scale, size=(6, 3)).astype("float32")
        for scale in (1.0, 0.5, 0.2)
    ]


def test_more_stages_reduce_the_error(rng):
    z = rng.normal(size=(500, 3)).astype("float32")
    codebooks = [
        rng.normal(scale=0.6**i, size=(16, 3)).astype("float32")
        for i in range(4)
    ]
    layer = build(codebooks)
    indices = to_numpy(layer.encode_to_indices(z))
    errors = [
        np.mean((z - to_numpy(layer.decode_indices(indices[..., :n]))) ** 2)
        for n in (1, 2, 4)
    ]
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]


def test_dropout_keeps_a_prefix_of_the_stages_of_each_example(rng, codebooks):
    z = rng.normal(size=(300, 2, 3)).astype("float32")
    layer = build(codebooks, dropout=0.6, seed=1)
    outputs = to_numpy(layer(z, training=True))
    prefixes = [
        to_numpy(layer.decode_indices(outputs["indices"][..., : n + 1]))
        for n in range(3)
    ]
    shares = [
        np.all(np.abs(outputs["quantized"] - p) < 1e-6, axis=(1, 2)).mean()
        for p in prefixes
    ]
    # All stages by chance too: 0.4 + 0.6 / 3.
    np.testing.assert_allclose(shares, [0.2, 0.2, 0.6], atol=0.08)
    whole = to_numpy(layer(z, training=False))
    np.testing.assert_allclose(whole["quantized"], prefixes[2], atol=1e-6)


def test_dropped_stages_get_neither_loss_nor_update(rng, codebooks):
    """The second stage learns only from examples that reach it."""
    z = rng.normal(size=(40, 3)).astype("float32")
    layer = build(
        codebooks[:2],
        layers.VectorQuantizerEMA,
        {"decay": 0.5, "revival_threshold": None},
        dropout=1.0,
        seed=1,
    )
    outputs = to_numpy(layer(z, training=True))
    kept = ~np.all(
        outputs["quantized"] == codebooks[0][outputs["indices"][:, 0]], axis=1
    )
    assert 10 < kept.sum() < 30
    residual = z - codebooks[0][outputs["indices"][:, 0]]
    second = nearest(residual, codebooks[1])
    counts = np.bincount(second[kept], minlength=6)
    np.testing.assert_allclose(
        to_numpy(layer.stages[1].counts), 0.5 + 0.5 * counts, rtol=1e-5
    )
    errors = [
        np.mean(residual**2),
        np.mean((residual - codebooks[1][second])[kept] ** 2),
    ]
    np.testing.assert_allclose(
        outputs["commitment_loss"], sum(errors), rtol=1e-5
    )


def test_stages_start_with_different_codes():
    layer = layers.ResidualVectorQuantizer(
        layers.VectorQuantizerEMA(8, 3, seed=5), 3
    )
    layer.build()
    first, second, third = (to_numpy(s.embeddings) for s in layer.stages)
    assert np.abs(first - second).min() > 0
    assert np.abs(second - third).min() > 0
    assert [s.seed for s in layer.stages] == [5, 6, 7]
    uniform = keras.initializers.RandomUniform(seed=5)
    layer = layers.GroupedVectorQuantizer(
        layers.ResidualVectorQuantizer(
            layers.VectorQuantizer(8, 3, embeddings_initializer=uniform), 2
        ),
        2,
    )
    layer.build()
    starts = [
        to_numpy(stage.embeddings)
        for group in layer.groups
        for stage in group.stages
    ]
    assert not np.allclose(starts[0], starts[1])  # of stages
    assert not np.allclose(starts[0], starts[2])  # of groups


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda q: (layers.FiniteScalarQuantizer(),), "FiniteScalarQuantizer"),
        (
            lambda q: (layers.VectorQuantizer(8, 4, distance="cosine"),),
            "distance='cosine'",
        ),
        (
            lambda q: (layers.VectorQuantizer(8, 4, add_losses=True),),
            "outermost layer",
        ),
        (lambda q: (q, 1), "num_stages=1"),
        (lambda q: (q, 2, False, 1.5), "dropout=1.5"),
    ],
)
def test_bad_arguments_are_reported(make, message):
    with pytest.raises(ValueError, match=message):
        layers.ResidualVectorQuantizer(*make(layers.VectorQuantizer(8, 4)))


def test_more_codes_than_stages_are_reported(codebooks):
    with pytest.raises(ValueError, match=r"with 1 to 3 codes.*\(2, 4\)"):
        build(codebooks).decode_indices(np.zeros((2, 4), "int32"))


# === Factorized codes ===


def factorized(num_stages=3, **kwargs):
    inner = layers.VectorQuantizer(16, 2, distance="cosine")
    template = layers.ProjectedQuantizer(
        inner, 4, keras.initializers.GlorotUniform(seed=0)
    )
    layer = layers.ResidualVectorQuantizer(template, num_stages, **kwargs)
    layer.build()
    return layer


def test_factorized_stages_quantize_the_residuals_one_by_one(rng):
    layer = factorized()
    z = rng.normal(size=(20, 4)).astype("float32")
    outputs = to_numpy(layer(z))
    residual, loss = z, 0.0
    for i, stage in enumerate(layer.stages):
        part = to_numpy(stage(residual))
        np.testing.assert_array_equal(outputs["indices"][:, i], part["indices"])
        residual = residual - part["quantized"]
        loss += part["loss"]
    np.testing.assert_allclose(outputs["quantized"], z - residual, atol=1e-5)
    np.testing.assert_allclose(outputs["loss"], loss, rtol=1e-5)
    indices = to_numpy(layer.encode_to_indices(z))
    np.testing.assert_array_equal(indices, outputs["indices"])
    np.testing.assert_allclose(
        to_numpy(layer.decode_indices(indices)), z - residual, atol=1e-5
    )


def test_gradients_reach_the_projections_of_every_stage(rng):
    layer = factorized()
    z = keras.Variable(rng.normal(size=(20, 4)).astype("float32"))

    def loss():
        outputs = layer(keras.ops.convert_to_tensor(z))
        return keras.ops.sum(keras.ops.square(outputs["quantized"]))

    kernels = [k for s in layer.stages for k in (s.down, s.up)]
    for gradient in gradients(loss, [z, *kernels]):
        assert np.abs(gradient).max() > 1e-4


def test_factorized_stages_are_dropped(rng):
    z = rng.normal(size=(300, 2, 4)).astype("float32")
    layer = factorized(dropout=1.0, seed=1)
    outputs = to_numpy(layer(z, training=True))
    prefixes = [
        to_numpy(layer.decode_indices(outputs["indices"][..., : n + 1]))
        for n in range(3)
    ]
    shares = [
        np.all(np.abs(outputs["quantized"] - p) < 1e-5, axis=(1, 2)).mean()
        for p in prefixes
    ]
    np.testing.assert_allclose(shares, 1 / 3, atol=0.08)
    with pytest.raises(ValueError, match="cannot be shared"):
        factorized(shared=True)


def test_loaded_stages_share_no_codebook(tmp_path):
    layer = factorized(num_stages=5)
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, layer(inputs)["quantized"])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(model.weights)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))


def strided(codebooks, z, strides):
    """Codes of each stage and their sum, one stage after the other."""
    residual, indices = z.copy(), []
    for codebook, stride in zip(codebooks, strides, strict=True):
        pooled = residual.reshape(2, -1, stride, 3).mean(axis=2)
        indices.append(nearest(pooled.reshape(-1, 3), codebook))
        code = codebook[indices[-1]].reshape(2, -1, 3)
        residual -= np.repeat(code, stride, axis=1)
        indices[-1] = indices[-1].reshape(2, -1)
    return indices, z - residual


@pytest.mark.parametrize("cls", [layers.VectorQuantizer, "projected"])
def test_stages_with_strides_share_a_code_between_vectors(cls, rng, codebooks):
    strides = (4, 2, 1)
    if cls == "projected":
        template = layers.ProjectedQuantizer(layers.VectorQuantizer(6, 3), 3)
        layer = layers.ResidualVectorQuantizer(template, 3, strides=strides)
        layer.build()
        for stage, codebook in zip(layer.stages, codebooks, strict=True):
            stage.quantizer.assign_codes(codebook)
            stage.down.assign(np.eye(3))
            stage.up.assign(np.eye(3))
    else:
        layer = build(codebooks, strides=strides)
    z = rng.normal(size=(2, 8, 3)).astype("float32")
    indices, quantized = strided(codebooks, z, strides)
    outputs = to_numpy(layer(z))
    np.testing.assert_allclose(outputs["quantized"], quantized, atol=1e-5)
    assert outputs["indices"].shape == (2, 2, 7)
    for group in range(2):
        expected = np.concatenate(
            [x.reshape(2, 2, -1)[:, group] for x in indices], axis=1
        )
        np.testing.assert_array_equal(outputs["indices"][:, group], expected)
    codes = layer.encode_to_indices(z)
    np.testing.assert_array_equal(to_numpy(codes), outputs["indices"])
    for count, stages in ((7, 3), (3, 2), (1, 1)):
        _, first = strided(codebooks[:stages], z, strides[:stages])
        found = to_numpy(layer.decode_indices(codes[..., :count]))
        np.testing.assert_allclose(found, first, atol=1e-5)
    assert layer.latent_shape((8,)) == (2, 7)


def test_strides_with_dropout_and_masks(rng, codebooks):
    layer = build(codebooks, strides=(2, 1, 1), dropout=1.0, seed=0)
    z = rng.normal(size=(40, 4, 3)).astype("float32")
    mask = np.ones((40, 4), bool)
    mask[:, 3] = False
    outputs = to_numpy(layer(z, mask=mask, training=True))
    assert np.isfinite(outputs["loss"])
    depths = [
        np.all(
            np.abs(
                outputs["quantized"]
                - to_numpy(layer.decode_indices(outputs["indices"][..., :n]))
            )
            < 1e-6,
            axis=(1, 2),
        )
        for n in (1, 3, 5)
    ]
    assert np.any(depths, axis=0).all()
    assert all(each.any() for each in depths)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strides": (4, 2)}, r"each of 3 stages.*\(4, 2\)"),
        ({"strides": (4, 3, 1)}, r"divides the largest.*\(4, 3, 1\)"),
        ({"strides": (2, 1, 1), "shared": True}, "cannot be shared"),
    ],
)
def test_bad_strides(codebooks, arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.ResidualVectorQuantizer(
            layers.VectorQuantizer(6, 3), 3, **arguments
        )


def test_inputs_that_strides_do_not_divide(codebooks):
    layer = build(codebooks, strides=(4, 2, 1))
    with pytest.raises(ValueError, match=r"multiple of 4.*\(2, 6, 3\)"):
        layer(np.zeros((2, 6, 3), "float32"))
    with pytest.raises(ValueError, match=r"multiple of 4.*\(4, 4\)"):
        layer.latent_shape((4, 4))
    with pytest.raises(ValueError, match="1 or 3 or 7 codes"):
        layer.decode_indices(np.zeros((2, 2, 4), int))
    with pytest.raises(ValueError, match="codebook"):
        layer.adapt(np.zeros((100, 3)))
    with pytest.raises(ValueError, match="stand for several vectors"):
        layers.ProjectedQuantizer(layer, 4)
    with pytest.raises(ValueError, match="stand for several vectors"):
        layers.GroupedVectorQuantizer(layer, 2)
