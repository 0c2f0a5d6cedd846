import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import losses
from keras_vq import zoo
from tests.helpers import compiled_step
from tests.helpers import gradients
from tests.helpers import run
from tests.helpers import tiny_images
from tests.helpers import tiny_vqgan
from tests.helpers import to_numpy


def small_vqgan(normalization=None, eager=True, adversary=None, **kwargs):
    """Networks of one or two convolutions, quick to compile.

    Args:
        normalization: Layer of the discriminator, or None.
        eager: bool, whether to train without compiling where that is faster.
        adversary: dict of arguments, or None for no adversary.
        **kwargs: Arguments of `zoo.vqgan`.
    """
    encoder = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 2, strides=2)]
    )
    decoder = keras.Sequential(
        [
            keras.Input((4, 4, 4)),
            keras.layers.Conv2DTranspose(4, 2, strides=2, activation="relu"),
            keras.layers.Conv2D(1, 3, padding="same"),
        ]
    )
    if adversary is not None:
        discriminator = [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 4, strides=2, padding="same"),
            *([normalization] if normalization else []),
            keras.layers.LeakyReLU(0.2),
            keras.layers.Conv2D(1, 4, padding="same"),
        ]
        adversary = losses.Adversary(
            keras.Sequential(discriminator), **adversary
        )
    model = zoo.vqgan(
        (8, 8, 1),
        num_embeddings=8,
        embedding_dim=4,
        encoder=encoder,
        decoder=decoder,
        adversary=adversary,
        disc_weight=0,
        **kwargs,
    )
    model.run_eagerly = eager and keras.config.backend() != "jax"
    return model


def with_sgd(model, **rates):
    eager = model.run_eagerly
    optimizers = {k: keras.optimizers.SGD(v) for k, v in rates.items()}
    model.compile(optimizers, run_eagerly=eager)
    return model


def weights_of(network):
    return [to_numpy(w) for w in network.trainable_variables]


@pytest.fixture
def images(rng):
    return tiny_images(rng, 6, (8, 8, 1))


def test_the_discriminator_waits_and_a_loaded_model_continues(images, tmp_path):
    model = small_vqgan(
        normalization=keras.layers.BatchNormalization(),
        eager=False,
        adversary={
            "start": 2,
            "ramp_steps": 2,
            "r1_weight": 1.0,
            "lecam_weight": 0.1,
        },
    )
    adversary = model.adversary
    before = weights_of(adversary)
    ramp, steps, means = [], [], []
    for step in range(4):
        ramp.append(float(adversary.ramp()))
        model.reset_metrics()
        logs = model.train_on_batch(images, return_dict=True)
        assert np.isfinite([float(value) for value in logs.values()]).all()
        steps.append(int(logs["discriminator_steps"]))
        means.append([float(to_numpy(m)) for m in adversary.logit_means])
        now = weights_of(adversary)
        same = all(map(np.array_equal, before, now))
        assert same == (step < 2)
        if step == 2:  # moving averages follow from the start
            first = [float(logs["logits_real"]), float(logs["logits_fake"])]
    assert ramp == [0.0, 0.0, 0.0, 0.5]
    assert steps == [0, 0, 1, 2]
    assert means[1] == [0.0, 0.0]
    assert means[2] == pytest.approx(first, rel=1e-3)
    # Adam's bias correction starts where the discriminator does.
    assert int(model.optimizer["discriminator"].iterations) == 2
    assert int(model.optimizer["generator"].iterations) == 4
    names = {
        "loss",
        "reconstruction_loss",
        "commitment_loss",
        "perplexity",
        "codebook_usage",
    }
    assert set(logs) - names == {
        "generator_loss",
        "discriminator_loss",
        "logits_real",
        "logits_fake",
        "adaptive_weight",
        "r1_penalty",
        "lecam_loss",
        "discriminator_steps",
    }
    results = model.evaluate(images, return_dict=True, verbose=0)
    assert set(results) == names
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for m in (model, loaded):
        m.reset_metrics()
    a = model.train_on_batch(images, return_dict=True)
    b = loaded.train_on_batch(images, return_dict=True)
    assert a == pytest.approx(b, rel=1e-4)


def test_gradients_and_adaptive_weight_equal_finite_differences(images):
    """One SGD step of both networks, against NumPy."""
    rate = 1e-2
    model = small_vqgan(adversary={"weight": 0.5}, ema_decay=None)
    with_sgd(model, generator=rate, discriminator=rate)
    x = ops.convert_to_tensor(2 * images - 1)
    z = run(
        lambda x: model.quantizer(model.encoder(x))["quantized"],
        x,
        variables=model.variables,
    )
    decoded = run(model.decoder, z)

    def generator_losses():
        fake = model.decoder(ops.convert_to_tensor(z))
        nll = ops.mean(ops.abs(x - fake))
        gan = losses.generator_loss(model.adversary(fake))
        return ops.stack([nll, gan])

    def discriminator_loss():
        real = model.adversary(x)
        fake = model.adversary(ops.convert_to_tensor(decoded))
        return losses.discriminator_loss(real, fake)

    def finite_differences(fn, variable, places, epsilon=2e-3):
        fn = compiled_step(fn, model.variables)
        start, slopes = to_numpy(variable).copy(), []
        for place in places:
            values = []
            for sign in (1, -1):
                moved = start.copy()
                moved.flat[place] += sign * epsilon
                variable.assign(moved)
                values.append(fn().astype("float64"))
            slopes.append((values[0] - values[1]) / (2 * epsilon))
        variable.assign(start)
        return start, np.array(slopes)

    def taken_step(start, variable, places):
        return ((start - to_numpy(variable)) / rate).flat[places]

    kernel, places = model.last_kernel, np.arange(36)
    judge = model.adversary.discriminator.layers[-1].kernel
    some = np.arange(0, 64, 5)
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
    model = small_vqgan(adversary={"lecam_weight": 0.1})
    with_sgd(model, generator=0.0, discriminator=0.1)
    groups = model.variable_groups()
    for moving in ("discriminator", "generator"):
        for name, optimizer in model.optimizer.members.items():
            optimizer.learning_rate = 0.1 if name == moving else 0.0
        before = {k: [to_numpy(v) for v in g] for k, g in groups.items()}
        model.train_on_batch(images)
        for name, group in groups.items():
            moved = [
                not np.array_equal(a, to_numpy(b))
                for a, b in zip(before[name], group, strict=True)
            ]
            assert all(moved) if name == moving else not any(moved)


def test_r1_is_the_squared_gradient_at_real_inputs(images):
    model = small_vqgan(adversary={"r1_weight": 2.0})
    x = images[:1]
    step = 2e-3  # few units of the network switch on the way
    basis = step * np.eye(64, dtype="float32").reshape(64, 8, 8, 1)
    moved = np.concatenate([x + basis, x - basis])
    logits = run(model.adversary, moved).mean((1, 2, 3)).astype("float64")
    slopes = (logits[:64] - logits[64:]) / (2 * step)
    tensor = ops.convert_to_tensor(x)

    def penalty():
        return model.adversary.r1_penalty(tensor)

    value = run(penalty, variables=model.variables)
    assert float(value) == pytest.approx(np.sum(slopes**2), rel=0.05)
    # It is itself differentiable in the discriminator's weights.
    kernel = model.adversary.discriminator.layers[-1].kernel
    (gradient,) = gradients(penalty, [kernel])
    # The penalty is quadratic in the last kernel: k . dR/dk = 2 R.
    scale = pytest.approx(2 * float(value), rel=1e-3)
    assert np.sum(to_numpy(kernel) * gradient) == scale


def test_the_r1_pass_moves_no_averages(images):
    layer = keras.layers.BatchNormalization()
    model = small_vqgan(normalization=layer, adversary={"r1_weight": 2.0})
    x = ops.convert_to_tensor(images)
    run(lambda: model.adversary.r1_penalty(x), variables=model.variables)
    assert not to_numpy(layer.moving_mean).any()
    run(lambda: model.adversary(x, training=True), variables=model.variables)
    assert to_numpy(layer.moving_mean).all()


def test_perceptual_loss_of_any_network(images, tmp_path):
    inputs = keras.Input((8, 8, 1))
    first = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    network = keras.Model(inputs, [first, keras.layers.Conv2D(3, 3)(first)])
    network.save(tmp_path / "features.keras")
    model = small_vqgan(
        perceptual_loss=str(tmp_path / "features.keras"), perceptual_weight=0.5
    )
    frozen = [to_numpy(w) for w in model.perceptual_loss.weights]
    logs = model.evaluate(images, return_dict=True, verbose=0)

    def distance(images):
        quantized = model.quantizer(model.encoder(2 * images - 1))["quantized"]
        outputs = model.likelihood(model.decoder(quantized))  # not clipped
        return losses.PerceptualLoss(network)(images, outputs)

    variables = [*model.variables, *network.variables]
    expected = run(distance, images, variables=variables).mean()
    assert logs["perceptual_loss"] == pytest.approx(expected, rel=1e-3)
    assert logs["loss"] == pytest.approx(
        logs["reconstruction_loss"]
        + 0.5 * expected
        + 0.25 * logs["commitment_loss"],
        rel=1e-3,
    )
    model.fit(images, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for m in (model, loaded):
        for a, b in zip(frozen, m.perceptual_loss.weights, strict=True):
            np.testing.assert_array_equal(a, to_numpy(b))


@pytest.mark.parametrize("input_shape", [(16, 2), (4, 8, 8, 1)])
def test_audio_and_video(input_shape):
    model = tiny_vqgan(input_shape=input_shape, num_residual_layers=0)
    symbolic = model(keras.KerasTensor((2, *input_shape)))
    assert symbolic.shape == (2, *input_shape)
    assert model.code_shape == tuple(n // 2 for n in input_shape[:-1])
    judged = model.adversary.discriminator.output_shape
    assert judged[1:-1] == model.code_shape


def test_latents_before_quantization_are_scaled(images):
    model = small_vqgan()
    model.adapt_latent_scale(images)
    latents = model.encode_latents(images)
    assert latents.shape == (6, 4, 4, 4)
    assert latents.std() == pytest.approx(1.0, rel=1e-3)
    # The decoder quantizes: these are the codes of the model.
    codes = model.encode(images)
    assert (codes.shape, codes.dtype) == ((6, 4, 4), "int32")
    decoded = model.decode(codes)
    np.testing.assert_allclose(
        model.decode_latents(latents), decoded, atol=1e-5
    )
    np.testing.assert_allclose(
        model.predict(images, verbose=0), decoded, atol=1e-5
    )
    codebook = to_numpy(model.quantizer.embeddings)
    z = latents[..., None, :] / float(to_numpy(model.latent_scale))
    nearest = np.square(z - codebook).sum(-1).argmin(-1)
    np.testing.assert_array_equal(nearest, codes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attention_resolutions": (8, 5)}, r"8, 4.*\(8, 5\)"),
        ({"channel_multipliers": (1,) * 5}, "halve the input 4 times"),
        ({"channel_multipliers": (1,)}, "at least two positive integers"),
        ({"disc_loss": "wgan"}, "'hinge', 'non_saturating'. .*'wgan'"),
        ({"disc_normalization": "group"}, "'batch'.*'group'"),
        ({"r1_weight": -1.0}, "`r1_weight` must be a number >= 0.*=-1.0"),
        ({"disc_start": -1}, "`start` must be an integer >= 0.*=-1"),
        ({"dropout": 1.0}, "dropout=1.0"),
        (
            {
                "input_shape": (16, 1),
                "perceptual_loss": keras.Sequential(
                    [
                        keras.Input((8, 8, 1)),
                        keras.layers.AveragePooling2D(2),
                    ]
                ),
            },
            r"compares images and .* for input_shape=\(16, 1\)",
        ),
    ],
)
def test_bad_arguments_are_reported(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny_vqgan(**arguments)


def test_error_of_missing_perceptual_weights_gives_advice(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_VQ_LPIPS", raising=False)
    with pytest.raises(FileNotFoundError, match="feature_network"):
        tiny_vqgan(perceptual_loss="lpips")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.keras"):
        tiny_vqgan(perceptual_loss="nowhere.keras")


def test_optimizers_must_match_the_players(images):
    model = small_vqgan()
    assert (model.adversary, model.variable_groups()) == (None, {})
    both = {"generator": "adam", "discriminator": "adam"}
    with pytest.raises(ValueError, match=r"by a single optimizer.*named \['d"):
        model.compile(both)
    model = small_vqgan(adversary={})
    with pytest.raises(ValueError, match=r"named \['discriminator', 'gener"):
        model.compile("adam")
