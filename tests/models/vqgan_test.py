import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import losses
from tests.helpers import gradients
from tests.helpers import inside_a_step
from tests.helpers import tiny_images
from tests.helpers import tiny_vqgan
from tests.helpers import to_numpy


def with_sgd(model, **rates):
    model.compile(
        {name: keras.optimizers.SGD(rate) for name, rate in rates.items()},
        run_eagerly=True,
    )
    return model


def weights_of(network):
    return [to_numpy(w) for w in network.trainable_variables]


@pytest.fixture
def images(rng):
    return tiny_images(rng, 6, (8, 8, 1))


def test_the_discriminator_waits_and_the_run_goes_on_after_loading(
    images, tmp_path
):
    model = tiny_vqgan(
        compiled=True,
        disc_start=2,
        disc_ramp_steps=2,
        disc_normalization="batch",
        r1_weight=1.0,
        lecam_weight=0.1,
    )
    before = weights_of(model.discriminator)
    ramp, steps = [], []
    for step in range(4):
        ramp.append(float(model.ramp()))
        logs = model.train_on_batch(images, return_dict=True)
        steps.append(int(logs["discriminator_steps"]))
        now = weights_of(model.discriminator)
        same = all(map(np.array_equal, before, now))
        assert same == (step < 2)
    assert ramp == [0.0, 0.0, 0.0, 0.5]
    assert steps == [0, 0, 1, 2]
    # Adam's bias correction starts where the discriminator does.
    assert int(model.optimizer["discriminator"].iterations) == 2
    assert int(model.optimizer["generator"].iterations) == 4
    assert set(logs) == {
        "loss",
        "reconstruction_loss",
        "commitment_loss",
        "generator_loss",
        "discriminator_loss",
        "logits_real",
        "logits_fake",
        "adaptive_weight",
        "r1_penalty",
        "lecam_loss",
        "perplexity",
        "codebook_usage",
        "discriminator_steps",
    }
    results = model.evaluate(images, return_dict=True, verbose=0)
    assert set(results) == {
        "loss",
        "reconstruction_loss",
        "commitment_loss",
        "perplexity",
        "codebook_usage",
    }
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for m in (model, loaded):
        m.reset_metrics()
    a = model.train_on_batch(images, return_dict=True)
    b = loaded.train_on_batch(images, return_dict=True)
    assert a == pytest.approx(b, rel=1e-4)
    codes = model.encode(images)
    assert (codes.shape, codes.dtype) == ((6, 4, 4), "int32")
    np.testing.assert_allclose(
        model.decode(codes), model.predict(images, verbose=0), atol=1e-5
    )


def test_gradients_and_adaptive_weight_equal_finite_differences(images):
    """What both players did in one step of SGD, against NumPy."""
    rate = 1e-2
    model = tiny_vqgan(disc_weight=0.5, ema_decay=None)
    with_sgd(model, generator=rate, discriminator=rate)
    x = ops.convert_to_tensor(model.to_network_range(images))
    z = model.quantizer.decode_indices(model.encode_step(images))

    *body, last = model.decoder.layers
    features = keras.Model(model.decoder.inputs, body[-1].output)(z)

    def generator_losses():
        decoded = last(features)
        nll = ops.mean(ops.abs(x - decoded))
        gan = losses.generator_loss(model.discriminator(decoded))
        return to_numpy(ops.stack([nll, gan])).astype("float64")

    decoded = ops.stop_gradient(model.decoder(z))

    def discriminator_loss():
        real, fake = model.discriminator(x), model.discriminator(decoded)
        return to_numpy(losses.discriminator_loss(real, fake))

    def finite_differences(fn, variable, places, epsilon=2e-3):
        start, slopes = to_numpy(variable).copy(), []
        for place in places:
            values = []
            for sign in (1, -1):
                moved = start.copy()
                moved.flat[place] += sign * epsilon
                variable.assign(moved)
                values.append(fn())
            slopes.append((values[0] - values[1]) / (2 * epsilon))
        variable.assign(start)
        return start, np.array(slopes)

    def taken_step(start, variable, places):
        return ((start - to_numpy(variable)) / rate).flat[places]

    kernel, places = model.last_kernel, np.arange(36)
    judge, some = model.discriminator.layers[-1].kernel, np.arange(0, 128, 11)
    start, slopes = finite_differences(generator_losses, kernel, places)
    judge_start, judge_slopes = finite_differences(
        discriminator_loss, judge, some
    )
    logs = model.train_on_batch(images, return_dict=True)

    nll, gan = slopes.T
    weight = np.linalg.norm(nll) / (np.linalg.norm(gan) + 1e-4)
    assert float(logs["adaptive_weight"]) == pytest.approx(weight, rel=0.02)
    # No gradient of the discriminator's loss in the one ... (an absolute value
    # bends between the two points of a difference now and then)
    expected = nll + 0.5 * weight * gan
    error = np.abs(taken_step(start, kernel, places) - expected)
    assert error.max() < 0.08 * np.abs(expected).max()
    # ... none of the generator's in the other.
    error = np.abs(taken_step(judge_start, judge, some) - judge_slopes)
    assert error.max() < 0.08 * np.abs(judge_slopes).max()


def test_each_player_moves_alone(images):
    model = tiny_vqgan(lecam_weight=0.1)
    for still, moving in (
        ("generator", "discriminator"),
        ("discriminator", "generator"),
    ):
        with_sgd(model, **{still: 0.0, moving: 0.1})
        groups = model.variable_groups()
        before = {k: [to_numpy(v) for v in g] for k, g in groups.items()}
        model.train_on_batch(images)
        for name, group in groups.items():
            moved = [
                not np.array_equal(a, to_numpy(b))
                for a, b in zip(before[name], group, strict=True)
            ]
            assert all(moved) if name == moving else not any(moved)


def test_r1_is_the_squared_gradient_at_real_inputs(images):
    model = tiny_vqgan(r1_weight=2.0)
    x = images[:1]

    def logit(pixels):
        return to_numpy(ops.mean(model.discriminator(pixels)))

    expected = 0.0
    for place in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[place] = 2e-3  # few units of the network switch on the way
        expected += ((logit(x + step) - logit(x - step)) / 4e-3) ** 2
    tensor = ops.convert_to_tensor(x)

    def penalty():
        return model.r1_penalty(tensor)

    value = inside_a_step(penalty, model.variables)
    assert float(value) == pytest.approx(expected, rel=0.05)
    # It is itself differentiable in the discriminator's weights.
    kernel = model.discriminator.layers[-1].kernel
    (gradient,) = gradients(penalty, [kernel])
    start = to_numpy(kernel)
    # The penalty is quadratic in the last kernel: k . dR/dk = 2 R.
    scale = pytest.approx(2 * float(value), rel=1e-3)
    assert np.sum(start * gradient) == scale


def test_r1_with_batch_normalization_leaves_no_trace(images):
    model = tiny_vqgan(disc_normalization="batch", r1_weight=1.0)
    for _ in range(2):
        logs = model.train_on_batch(images, return_dict=True)
    assert all(np.isfinite(float(value)) for value in logs.values())


def test_moving_averages_of_the_logits_follow_from_the_start(images):
    model = tiny_vqgan(lecam_weight=0.1, disc_start=1)
    model.train_on_batch(images)
    assert [float(m.value) for m in model.logit_means] == [0.0, 0.0]
    model.reset_metrics()
    logs = model.train_on_batch(images, return_dict=True)
    means = [float(ops.convert_to_numpy(m)) for m in model.logit_means]
    expected = [float(logs["logits_real"]), float(logs["logits_fake"])]
    assert means == pytest.approx(expected, rel=1e-3)


def test_perceptual_loss_of_any_network(images, tmp_path):
    inputs = keras.Input((8, 8, 1))
    first = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    network = keras.Model(inputs, [first, keras.layers.Conv2D(3, 3)(first)])
    network.save(tmp_path / "features.keras")
    model = tiny_vqgan(
        perceptual_loss=str(tmp_path / "features.keras"),
        perceptual_weight=0.5,
        disc_weight=0,
    )
    frozen = [to_numpy(w) for w in model.perceptual_loss.weights]
    results = model.evaluate(images, return_dict=True, verbose=0)
    quantized = model.quantizer.decode_indices(model.encode_step(images))
    outputs = model.likelihood(model.decoder(quantized))  # not yet clipped
    expected = losses.PerceptualLoss(network)(images, outputs)
    expected = to_numpy(expected).mean()
    assert results["perceptual_loss"] == pytest.approx(expected, rel=1e-3)
    assert results["loss"] == pytest.approx(
        results["reconstruction_loss"]
        + 0.5 * expected
        + 0.25 * results["commitment_loss"],
        rel=1e-3,
    )
    model.fit(images, verbose=0)
    for a, b in zip(frozen, model.perceptual_loss.weights, strict=True):
        np.testing.assert_array_equal(a, to_numpy(b))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(frozen, loaded.perceptual_loss.weights, strict=True):
        np.testing.assert_array_equal(a, to_numpy(b))


@pytest.mark.parametrize("input_shape", [(16, 2), (4, 8, 8, 1)])
def test_audio_and_video(rng, input_shape):
    model = tiny_vqgan(input_shape=input_shape, num_residual_layers=0)
    x = rng.uniform(size=(2, *input_shape)).astype("float32")
    codes = model.encode(x)
    assert codes.shape == (2, *(n // 2 for n in input_shape[:-1]))
    assert model.decode(codes).shape == x.shape
    assert model.discriminator.output_shape[1:-1] == model.code_shape


def test_latents_before_quantization_are_scaled(images):
    model = tiny_vqgan(disc_weight=0)
    model.adapt(images)
    latents = model.encode_latents(images)
    assert latents.shape == (6, 4, 4, 4)
    assert latents.std() == pytest.approx(1.0, rel=1e-3)
    # The decoder quantizes: these are the codes of the model.
    np.testing.assert_allclose(
        model.decode_latents(latents),
        model.decode(model.encode(images)),
        atol=1e-5,
    )
    codebook = to_numpy(model.quantizer.embeddings)
    z = latents[..., None, :] / float(ops.convert_to_numpy(model.latent_scale))
    nearest = np.square(z - codebook).sum(-1).argmin(-1)
    np.testing.assert_array_equal(nearest, model.encode(images))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attention_resolutions": (8, 5)}, "that occur: 8, 4. Received"),
        ({"channel_multipliers": (1,) * 5}, "halve the input 4 times"),
        ({"channel_multipliers": (1,)}, "at least two positive integers"),
        ({"disc_loss": "wgan"}, "hinge, non_saturating"),
        ({"disc_normalization": "group"}, "'batch' or None"),
        ({"r1_weight": -1.0}, "`r1_weight` must not be negative"),
        ({"disc_start": -1}, "`disc_start` must not be negative"),
        ({"dropout": 1.0}, "`dropout` must be in"),
        ({"input_shape": (16, 1), "perceptual_loss": "lpips"}, "compares im"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny_vqgan(**arguments)


def test_missing_perceptual_weights_say_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_VQ_LPIPS", raising=False)
    with pytest.raises(FileNotFoundError, match="feature_network"):
        tiny_vqgan(perceptual_loss="lpips")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.keras"):
        tiny_vqgan(perceptual_loss="nowhere.keras")


def test_models_without_a_discriminator_take_one_optimizer(images):
    model = tiny_vqgan(disc_weight=0)
    assert model.discriminator is None
    assert set(model.variable_groups()) == {"generator"}
    with pytest.raises(ValueError, match=r"trained by optimizers named"):
        model.compile({"generator": "adam", "discriminator": "adam"})
