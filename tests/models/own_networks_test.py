"""Networks and quantizers that a user writes, in our models."""

import math

import keras
import numpy as np
import pytest
from keras import ops

import keras_vq
from keras_vq import layers
from keras_vq import models
from keras_vq import zoo
from tests.helpers import tiny_images
from tests.helpers import to_numpy

SHAPE = (8, 8, 3)
DIM = 4


def residual(x):
    h = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    h = keras.layers.Conv2D(8, 1)(h)
    return keras.layers.add([x, h])


def functional_networks():
    """A residual encoder and decoder, as functional models."""
    inputs = keras.Input(SHAPE)
    x = keras.layers.Conv2D(8, 4, strides=4)(inputs)
    encoder = keras.Model(inputs, keras.layers.Conv2D(DIM, 1)(residual(x)))
    inputs = keras.Input((2, 2, DIM))
    x = residual(keras.layers.Conv2D(8, 1)(inputs))
    outputs = keras.layers.Conv2DTranspose(3, 4, strides=4)(x)
    return encoder, keras.Model(inputs, outputs)


@keras.saving.register_keras_serializable(package="tests")
class Encoder(keras.layers.Layer):
    """The same encoder as a layer, without a shape of its own."""

    def __init__(self, output_dim, **kwargs):
        super().__init__(**kwargs)
        self.output_dim = output_dim
        self.down = keras.layers.Conv2D(8, 4, strides=4)
        self.hidden = keras.layers.Conv2D(8, 3, padding="same")
        self.last = keras.layers.Conv2D(output_dim, 1)

    def call(self, x):
        x = self.down(x)
        return self.last(x + ops.relu(self.hidden(x)))

    def get_config(self):
        return {**super().get_config(), "output_dim": self.output_dim}


@keras.saving.register_keras_serializable(package="tests")
class Decoder(keras.layers.Layer):
    """A decoder that drops out features in training alone."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = keras.layers.Conv2D(8, 1)
        self.hidden = keras.layers.Conv2D(8, 3, padding="same")
        self.dropout = keras.layers.Dropout(0.1, seed=1)
        self.up = keras.layers.Conv2DTranspose(3, 4, strides=4)

    def call(self, z, training=False):
        x = self.first(z)
        x = self.dropout(x + ops.relu(self.hidden(x)), training=training)
        return self.up(x)


@keras.saving.register_keras_serializable(package="tests")
class SignQuantizer(layers.Quantizer):
    """Each vector becomes the corner of a cube that has its signs."""

    loss_names = ("commitment_loss",)

    def __init__(self, embedding_dim, commitment_cost=0.25, **kwargs):
        super().__init__(2**embedding_dim, embedding_dim, **kwargs)
        self.commitment_cost = commitment_cost
        self.powers = 2 ** np.arange(embedding_dim, dtype="int32")

    def call(self, z, mask=None, training=False):
        z, mask = self.prepare(z, mask)
        indices = self.indices_of(z)
        codes = self.codes_of(indices)
        distance = ops.square(z - ops.stop_gradient(codes))
        commitment = keras_vq.ops.masked_mean(distance, mask)
        losses = {
            "loss": self.commitment_cost * commitment,
            "commitment_loss": commitment,
        }
        quantized = keras_vq.ops.straight_through(z, codes)
        return self.results(z, quantized, indices, losses)

    def indices_of(self, z):
        is_positive = ops.cast(z > 0, "int32")
        return ops.sum(ops.multiply(is_positive, self.powers), axis=-1)

    def codes_of(self, indices):
        indices = ops.cast(indices, "int32")[..., None]
        bits = ops.floor_divide(indices, self.powers) % 2
        return 2.0 * ops.cast(bits, "float32") - 1.0


def functional_model():
    encoder, decoder = functional_networks()
    quantizer = layers.VectorQuantizerEMA(16, DIM, decay=0.9)
    model = models.VQVAE(encoder, quantizer, decoder)
    model.compile(keras.optimizers.Adam(1e-2))
    return model


def model_of_layers():
    quantizer = layers.VectorQuantizerEMA(16, DIM, decay=0.9)
    model = models.VQVAE(Encoder(DIM), quantizer, Decoder(), input_shape=SHAPE)
    model.compile(keras.optimizers.Adam(1e-2))
    return model


def model_of_the_zoo():
    encoder, decoder = functional_networks()
    return zoo.vqvae(
        SHAPE,
        embedding_dim=DIM,
        quantizer="SignQuantizer",
        encoder=encoder,
        decoder=decoder,
        learning_rate=1e-2,
    )


# Keras warns of layers without `build` whenever it loads one.
@pytest.mark.filterwarnings("ignore:`build\\(\\)` was called on layer")
@pytest.mark.parametrize(
    "make", [functional_model, model_of_layers, model_of_the_zoo]
)
def test_it_learns_and_a_loaded_model_continues(rng, tmp_path, make):
    x = tiny_images(rng)
    model = make()
    assert model.code_maps == [((2, 2), 16)]
    before = [to_numpy(w) for w in model.trainable_variables]
    first = model.evaluate(x, return_dict=True, verbose=0)
    model.fit(np.tile(x, (40, 1, 1, 1)), batch_size=16, verbose=0)
    last = model.evaluate(x, return_dict=True, verbose=0)
    assert last["reconstruction_loss"] < 0.5 * first["reconstruction_loss"]
    assert last["perplexity"] > 3
    for old, weight in zip(before, model.trainable_variables, strict=True):
        assert np.any(old != to_numpy(weight)), weight.path

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    parts, others = (
        [type(part) for part in (m.encoder, m.quantizer, m.decoder)]
        for m in (loaded, model)
    )
    assert parts == others
    codes = model.encode(x)
    np.testing.assert_array_equal(loaded.encode(x), codes)
    np.testing.assert_array_equal(loaded.decode(codes), model.decode(codes))
    assert loaded.fingerprint() == model.fingerprint()
    for m in (model, loaded):
        m.fit(x, batch_size=16, shuffle=False, verbose=0)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-6)


def test_a_prior_learns_its_codes_and_generates(rng):
    model = model_of_the_zoo()
    codes = model.encode(tiny_images(rng))
    prior = zoo.pixelcnn(model, hidden_dim=8, num_layers=2, learning_rate=0.02)
    history = prior.fit(codes, batch_size=16, epochs=10, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    images = keras_vq.LatentGenerator(model, prior).generate(2, seed=0)
    assert images.shape == (2, *SHAPE)
    assert np.isfinite(images).all()


def test_our_networks_fit_a_quantizer_of_the_user():
    model = zoo.vqvae(
        SHAPE, embedding_dim=3, quantizer="SignQuantizer", hidden_dim=4
    )
    assert model.quantizer.num_embeddings == 8
    assert model.encoder.output_shape == (None, 2, 2, 3)


# === Parts that do not fit ===


def network(input_shape, output_shape, has_labels=False):
    """A dense network between any two shapes, which may ignore labels."""
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(math.prod(output_shape))(x)
    outputs = keras.layers.Reshape(output_shape)(x)
    if has_labels:
        inputs = [inputs, keras.Input((), dtype="int32")]
    return keras.Model(inputs, outputs)


def gaussian():
    return layers.GaussianBottleneck(DIM)


def quantizer():
    return layers.VectorQuantizer(16, DIM)


# Length of the vectors that the encoder must output, and how to put a model
# together; the decoder takes vectors of length DIM.
FIRST_STAGES = {
    "Autoencoder": (DIM, lambda e, d: models.Autoencoder(e, d)),
    "VAE": (2 * DIM, lambda e, d: models.VAE(e, gaussian(), d)),
    "CVAE": (2 * DIM, lambda e, d: models.CVAE(e, gaussian(), d)),
    "KLAutoencoder": (
        2 * DIM,
        lambda e, d: models.KLAutoencoder(e, gaussian(), d),
    ),
    "VQVAE": (DIM, lambda e, d: models.VQVAE(e, quantizer(), d)),
    "VQGAN": (DIM, lambda e, d: models.VQGAN(e, quantizer(), d)),
}


def put_together(name, grid=(2, 2), extra=0, decoder_grid=(2, 2), output=SHAPE):
    """A first stage whose encoder outputs `extra` channels too many."""
    dim, make = FIRST_STAGES[name]
    has_labels = name == "CVAE"
    encoder = network(SHAPE, (*grid, dim + extra), has_labels)
    return make(encoder, network((*decoder_grid, DIM), output, has_labels))


def error_of(make, *args, **kwargs):
    with pytest.raises(ValueError, match="Received") as error:
        make(*args, **kwargs)
    return str(error.value)


@pytest.mark.parametrize("name", FIRST_STAGES)
def test_parts_must_fit_together(name):
    put_together(name)
    dim, _ = FIRST_STAGES[name]
    if name != "Autoencoder":  # whose latents have any length
        message = error_of(put_together, name, extra=1)
        assert f"outputs of shape (None, 2, 2, {dim + 1})" in message
        assert f"vectors of length {dim}" in message
    message = error_of(put_together, name, output=(8, 8, 2))
    assert "(None, 8, 8, 3) for inputs of shape (None, 8, 8, 3)" in message
    assert "outputs of shape (None, 8, 8, 2)" in message
    message = error_of(put_together, name, grid=(4, 4))
    assert "`decoder` does not accept inputs of shape (None, 4, 4" in message
    assert "(None, 2, 2, 4)" in message
    message = error_of(
        put_together, name, grid=(4, 4), decoder_grid=(4, 4), output=(16, 16, 3)
    )
    assert "outputs of shape (None, 16, 16, 3)" in message


def test_a_decoder_must_output_all_parameters_of_the_likelihood():
    encoder = network(SHAPE, (2, 2, DIM))
    message = error_of(
        models.VQVAE,
        encoder,
        quantizer(),
        network((2, 2, DIM), SHAPE),
        likelihood="logit_laplace",
    )
    assert "(None, 8, 8, 6) for inputs of shape (None, 8, 8, 3)" in message
    assert "LogitLaplace" in message
    assert "outputs of shape (None, 8, 8, 3)" in message


def test_parts_of_a_hierarchy_must_fit_together():
    def hierarchy(top=(2, 2, 8), between=(4, 4, 8), output=SHAPE):
        encoders = [network((4, 4, 8), top), network(SHAPE, (4, 4, 8))]
        decoders = [
            network((2, 2, DIM), between),
            network((4, 4, DIM + 8), output),
        ]
        quantizers = [quantizer(), quantizer()]
        return models.VQVAE2(encoders, quantizers, decoders)

    hierarchy()
    message = error_of(hierarchy, top=(1, 1, 8))
    assert "`decoders[0]` does not accept inputs of shape (None, 1, 1, 4)" in (
        message
    )
    message = error_of(hierarchy, between=(2, 2, 8))
    assert "decoders[0] with outputs of shape (None, 2, 2, 8)" in message
    assert "encoders[1] with outputs of shape (None, 4, 4, 8)" in message
    message = error_of(hierarchy, output=(8, 8, 6))
    assert "(None, 8, 8, 3) for inputs of shape (None, 8, 8, 3)" in message
    assert "outputs of shape (None, 8, 8, 6)" in message


def test_parts_of_a_second_stage_must_fit_together():
    def stacked(dim=DIM, num_codes=3, logits=(2, 2, 16)):
        return models.StackedVQVAE(
            put_together("VQVAE"),
            network((2, 2), (num_codes, dim)),
            quantizer(),
            network((3, DIM), logits),
        )

    stacked()
    message = error_of(stacked, dim=5)
    assert "outputs of shape (None, 3, 5)" in message
    assert "vectors of length 4" in message
    message = error_of(stacked, num_codes=2)
    assert "`decoder` does not accept inputs of shape (None, 2, 4)" in message
    message = error_of(stacked, logits=(2, 2, 8))
    assert "logits of the first stage's codes, of shape (None, 2, 2, 16)" in (
        message
    )
    assert "outputs of shape (None, 2, 2, 8)" in message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda e, d: models.VQVAE("encoder.keras", quantizer(), d),
            "`encoder` must be a keras.Model or layer.*'encoder.keras'",
        ),
        (
            lambda e, d: models.VQVAE(e, d, quantizer()),
            "`quantizer` must be a quantizer of keras_vq.layers.*Functional",
        ),
        (
            lambda e, d: models.VQVAE(e, gaussian(), d),
            "`quantizer` must be a quantizer.*GaussianBottleneck",
        ),
        (
            lambda e, d: models.VAE(e, quantizer(), d),
            "must be a keras_vq.layers.GaussianBottleneck.*VectorQuantizer",
        ),
        (
            lambda e, d: models.KLAutoencoder(e, quantizer(), d),
            "must be a keras_vq.layers.GaussianBottleneck.*VectorQuantizer",
        ),
        (
            lambda e, d: models.Autoencoder(e, d, bottleneck=quantizer()),
            "for a quantizer use VQVAE.*VectorQuantizer",
        ),
        (
            lambda e, d: models.VQVAE(Encoder(DIM), quantizer(), d),
            "give `input_shape`, .*Received: encoder=Encoder .*=None",
        ),
        (
            lambda e, d: models.VQVAE(e, quantizer(), d, input_shape=(9, 8, 3)),
            r"inputs of shape \(None, 9, 8, 3\). Received: Functional ",
        ),
        (
            lambda e, d: models.VQVAE(
                keras.Model(e.inputs, [e.output, e.output]), quantizer(), d
            ),
            "`encoder` must return one tensor",
        ),
        (
            lambda e, d: models.VQGAN(e, quantizer(), d, adversary=d),
            "`adversary` must be a keras_vq.losses.Adversary or None",
        ),
        (
            lambda e, d: models.VQGAN(e, quantizer(), d, perceptual_loss=d),
            "`perceptual_loss` must be a keras_vq.losses.PerceptualLoss, a",
        ),
    ],
)
def test_parts_of_the_wrong_kind_are_reported(make, message):
    encoder = network(SHAPE, (2, 2, DIM))
    with pytest.raises(ValueError, match=message):
        make(encoder, network((2, 2, DIM), SHAPE))
