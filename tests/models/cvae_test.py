import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_vq import zoo
from tests.helpers import run


def tiny_cvae(**kwargs):
    arguments = {
        "input_shape": (8, 8, 1),
        "num_classes": 2,
        "latent_dim": 3,
        "network": "mlp",
        "hidden_dim": 16,
        "num_residual_layers": 1,
        "residual_hidden_dim": 16,
        "seed": 1,
    }
    return zoo.cvae(**{**arguments, **kwargs})


@pytest.fixture
def labels(rng):
    return rng.integers(0, 2, size=40)


@pytest.fixture
def images(rng, labels):
    """Binary pictures, the left or the right half on, as the label says."""
    columns = np.arange(8)[None, None, :, None] < 4
    on = np.broadcast_to(labels[:, None, None, None] == columns, (40, 8, 8, 1))
    flipped = rng.random(on.shape) < 0.05
    return (on ^ flipped).astype("float32")


@pytest.mark.parametrize(
    ("network", "input_shape"),
    [("residual_cnn", (8, 8, 3)), ("spatial_residual_cnn", (16, 2))],
)
def test_audio_and_images(rng, network, input_shape):
    model = tiny_cvae(
        input_shape=input_shape, network=network, likelihood="gaussian"
    )
    x = rng.uniform(size=(4, *input_shape)).astype("float32")
    labels = np.array([0, 1, 1, 0])
    logs = model.train_on_batch(x, labels, return_dict=True)
    assert {"negative_elbo", "kl_loss", "bits_per_dim"} <= set(logs)
    outputs = model.predict([x, labels], verbose=0)
    again = model.decode(model.encode(x, labels), labels)
    np.testing.assert_allclose(again, outputs, atol=1e-5)
    assert again.shape == x.shape


@pytest.mark.parametrize("prior", ["learned", "standard"])
def test_the_bound_holds_the_prior_of_the_class(
    images, labels, rng, monkeypatch, prior
):
    """All terms in NumPy, the noise being zero."""
    model = tiny_cvae(prior=prior)
    table = np.zeros((2, 6), "float32")
    if prior == "learned":
        table = rng.normal(size=(2, 6)).astype("float32")
        model.prior_embedding.embeddings.assign(table)
    monkeypatch.setattr(
        keras.random, "normal", lambda shape, **_: ops.zeros(shape)
    )
    logs = model.evaluate(
        images, labels, batch_size=20, return_dict=True, verbose=0
    )

    def parts(images, labels):
        mean, log_variance = model.posterior(images, labels)
        return mean, log_variance, model.decoder([mean, labels])

    mean, log_variance, logits = run(
        parts, images, labels, variables=model.variables
    )
    log_p = images * logits - np.logaddexp(0, logits)
    prior_mean, prior_log_variance = np.split(table[labels], 2, axis=1)
    distance = (mean - prior_mean) ** 2 / np.exp(prior_log_variance)
    ratio = log_variance - prior_log_variance
    kl = 0.5 * (distance + np.exp(ratio) - ratio - 1)
    assert logs["kl_loss"] == pytest.approx(kl.sum(1).mean(), rel=1e-4)
    expected = -log_p.sum((1, 2, 3)).mean() + kl.sum(1).mean()
    assert logs["negative_elbo"] == pytest.approx(expected, rel=1e-4)
    # Many samples of a posterior with little noise: the bound is tighter.
    bound = model.evaluate_log_likelihood(
        images, labels, num_importance_samples=50
    )
    assert -bound.mean() < logs["negative_elbo"] + 5


def test_it_generates_the_class_of_the_label(images, labels, tmp_path):
    model = tiny_cvae(learning_rate=1e-2)
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(20)
    model.fit(data.repeat(20), epochs=3, shuffle=False, verbose=0)
    asked = np.arange(40) % 2
    samples = model.generate(40, asked, seed=0)
    left = samples[:, :, :4].mean((1, 2, 3)) > 0.5
    assert np.mean(left == (asked == 1)) > 0.9
    ones = model.generate(40, 1, seed=0)
    np.testing.assert_allclose(ones[asked == 1], samples[asked == 1], atol=1e-5)

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.generate(40, asked, seed=0), samples, atol=1e-5
    )
    model.reset_metrics()
    np.testing.assert_allclose(
        loaded.train_on_batch(images, labels),
        model.train_on_batch(images, labels),
        rtol=1e-4,
    )


def test_bad_labels_are_refused_before_any_work(images, labels):
    model = tiny_cvae()
    unlabelled = tf.data.Dataset.from_tensor_slices(images).batch(20)
    for call in (
        lambda: model.fit(images),
        lambda: model.fit(unlabelled),
        lambda: model.evaluate(images),
        lambda: model.predict(images, verbose=0),
        lambda: model(images),
        lambda: model.encode(images),
        lambda: model.generate(2),
        lambda: model.fit(images, labels, validation_data=unlabelled),
    ):
        with pytest.raises(ValueError, match="needs a label for each input"):
            call()
    for call in (
        lambda: model.fit(images, labels + 1),
        lambda: model.generate(2, [0, 2]),
        lambda: model.encode(images, labels - 1),
    ):
        with pytest.raises(ValueError, match="has classes 0 to 1"):
            call()
    for wrong in (labels[:, None], labels.astype("float32")):
        with pytest.raises(ValueError, match=r"integers of shape \(batch,\)"):
            model.fit(images, wrong)
    for call in (
        lambda: model.encode(images, labels[1:]),
        lambda: model.predict([images, labels[1:]], verbose=0),
        lambda: model.evaluate_log_likelihood(images, labels[1:]),
    ):
        with pytest.raises(ValueError, match="39 labels for 40 examples"):
            call()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prior": "flat"}, "'learned', 'standard'. Received: prior='flat'"),
        ({"num_classes": 0}, "`num_classes` must be an integer >= 1"),
    ],
)
def test_bad_arguments_are_reported(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny_cvae(**arguments)
