"""Networks of video: one downsampling per axis, and causal in time."""

import keras
import numpy as np
import pytest

from keras_vq import LatentGenerator
from keras_vq import layers
from keras_vq import models
from keras_vq import networks
from keras_vq import zoo
from tests.helpers import perturbed
from tests.helpers import run

SMALL = {
    "hidden_dim": 4,
    "num_residual_layers": 1,
    "residual_hidden_dim": 4,
}
VQGAN = {"hidden_dim": 4, "num_residual_layers": 1, "attention_resolutions": ()}


def affected(network, x, frame):
    """Frames of the output that change with a frame of the input."""
    changed = x.copy()
    changed[:, frame] += 1.0
    difference = np.abs(run(network, x) - run(network, changed))
    return np.flatnonzero(difference.max(axis=(0, 2, 3, 4)) > 1e-7)


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_a_vector_depends_on_no_frame_after_its_window(factor, rng):
    frames = 1 + 2 * factor
    encoder = perturbed(
        networks.residual_cnn_encoder(
            (frames, 8, 8, 2),
            3,
            downsampling=(factor, 2, 4),
            is_causal=True,
            **SMALL,
        )
    )
    x = rng.normal(size=(1, frames, 8, 8, 2)).astype("float32")
    assert run(encoder, x).shape == (1, 3, 4, 2, 3)
    for frame in range(frames):
        window = -(-frame // factor)  # the first frame is one of its own
        assert affected(encoder, x, frame).min() == window


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_a_frame_depends_on_no_later_vector(factor, rng):
    decoder = perturbed(
        networks.residual_cnn_decoder(
            (3, 2, 2, 3),
            2,
            downsampling=(factor, 2, 4),
            is_causal=True,
            **SMALL,
        )
    )
    z = rng.normal(size=(1, 3, 2, 2, 3)).astype("float32")
    assert run(decoder, z).shape == (1, 1 + 2 * factor, 4, 8, 2)
    for vector in range(3):
        first = max(1 + (vector - 1) * factor, 0)
        assert affected(decoder, z, vector).min() == first


def test_the_first_frame_alone_is_an_image(rng):
    options = {
        "num_embeddings": 8,
        "embedding_dim": 4,
        "downsampling": (2, 4, 4),
        "is_causal": True,
        **SMALL,
    }
    video = perturbed(zoo.vqvae((5, 8, 8, 1), **options))
    image = zoo.vqvae((1, 8, 8, 1), **options)
    image.set_weights(video.get_weights())
    clips = rng.uniform(size=(2, 5, 8, 8, 1)).astype("float32")
    codes = video.encode(clips)
    assert codes.shape == (2, 3, 2, 2)
    np.testing.assert_array_equal(image.encode(clips[:, :1]), codes[:, :1])
    np.testing.assert_allclose(
        image.decode(codes[:, :1]), video.decode(codes)[:, :1], atol=1e-5
    )
    history = video.fit(clips, verbose=0).history
    assert np.isfinite(history["loss"][0])


@pytest.mark.parametrize(
    ("factory", "shape", "options", "latent"),
    [
        (
            "vqvae",
            (4, 8, 8, 1),
            {"downsampling": (2, 4, 4), **SMALL},
            (2, 2, 2),
        ),
        ("vqvae", (8, 8, 1), {"downsampling": (1, 4), **SMALL}, (8, 2)),
        (
            "vae",
            (4, 8, 8, 1),
            {
                "downsampling": (1, 2, 4),
                "network": "spatial_residual_cnn",
                "latent_dim": 3,
                **SMALL,
            },
            (4, 4, 2, 3),
        ),
        (
            "vqgan",
            (4, 8, 8, 1),
            {
                "channel_multipliers": (1, 2, 2),
                "downsampling": (2, 4, 4),
                "disc_weight": 0,
                **VQGAN,
            },
            (2, 2, 2),
        ),
        (
            "kl_autoencoder",
            (4, 8, 8, 1),
            {
                "channel_multipliers": (1, 2),
                "downsampling": (1, 2, 2),
                "disc_weight": 0,
                "latent_dim": 3,
                **VQGAN,
            },
            (4, 4, 4, 3),
        ),
    ],
)
def test_one_downsampling_per_axis(factory, shape, options, latent, rng):
    model = getattr(zoo, factory)(shape, **options)
    clips = rng.uniform(size=(2, *shape)).astype("float32")
    latents = model.encode(clips)
    assert latents.shape == (2, *latent)
    assert model.decode(latents).shape == clips.shape


def test_levels_of_video(rng):
    model = zoo.vqvae2((4, 16, 16, 1), downsampling=(2, 4, 4), **SMALL)
    codes = model.encode(rng.uniform(size=(2, 4, 16, 16, 1)))
    assert [each.shape for each in codes] == [(2, 1, 2, 2), (2, 2, 4, 4)]


def test_axes_that_are_not_doubled(rng):
    """The same as a transposed convolution of each frame."""
    layer = layers.TransposedConv(3, strides=(1, 2, 2))
    frame = keras.layers.Conv2DTranspose(3, 4, 2, padding="same")
    x = rng.normal(size=(2, 3, 4, 5, 2)).astype("float32")
    layer.build(x.shape)
    frame.build((None, 4, 5, 2))
    layer.bias.assign([1.0, 2.0, 3.0])
    frame.set_weights(layer.get_weights())
    found = run(layer, x)
    assert (
        found.shape == (2, 3, 8, 10, 3) == layer.compute_output_shape(x.shape)
    )
    for i in range(3):
        np.testing.assert_allclose(found[:, i], run(frame, x[:, i]), atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((4, 8, 8, 1), {"is_causal": True}, r"1 \+ n \* 4 frames.*4 frames"),
        ((8, 8, 1), {"is_causal": True, "downsampling": 2}, "causal for video"),
        ((4, 8, 8, 1), {"downsampling": (2, 4)}, r"each of 3 axes.*\(2, 4\)"),
        ((4, 8, 8, 1), {"downsampling": (2, 3, 4)}, r"\(2, 3, 4\)"),
        ((1, 8, 8, 1), {"downsampling": (2, 4, 4)}, "must divide"),
        (
            (4, 8, 8, 1),
            {"downsampling": (2, 4, 4), "upsampling": "subpixel"},
            r"doubles all axes.*\(2, 4, 4\)",
        ),
    ],
)
def test_bad_arguments(shape, options, message):
    with pytest.raises(ValueError, match=message):
        zoo.vqvae(shape, **options, **SMALL)


def test_bad_downsampling_of_a_vqgan():
    with pytest.raises(ValueError, match=r"describe, 4.*\(1, 2, 2\)"):
        zoo.vqgan(
            (4, 8, 8, 1),
            channel_multipliers=(1, 2, 2),
            downsampling=(1, 2, 2),
            disc_weight=0,
            **VQGAN,
        )
    with pytest.raises(ValueError, match=r"3 positive integers.*kernel_size=3"):
        layers.CausalConv3D(4, 3)
    with pytest.raises(ValueError, match=r"from 4 to .*kernel_size=3"):
        layers.CausalConv3D(4, (3, 3, 3), (4, 1, 1))
    with pytest.raises(ValueError, match="no dilation"):
        layers.CausalConv3D(4, (3, 3, 3), dilation_rate=2)
    with pytest.raises(ValueError, match=r"each of 3 axes.*\(1, 2\)"):
        layers.TransposedConv(3, strides=(1, 2)).build((None, 4, 8, 8, 3))
    with pytest.raises(ValueError, match="strides=\\(1, 3\\)"):
        layers.TransposedConv(3, strides=(1, 3))


@pytest.mark.parametrize("factor", [2, 4])
def test_a_video_is_continued(factor, rng):
    """Given frames keep their codes, which know nothing of what follows."""
    frames = 1 + 2 * factor  # 9 frames could also be 3 cells of 3
    tokenizer = perturbed(
        zoo.vqvae(
            (frames, 8, 8, 1),
            num_embeddings=8,
            embedding_dim=4,
            downsampling=(factor, 4, 4),
            is_causal=True,
            **SMALL,
        )
    )
    assert tokenizer.is_causal
    nested = keras.Sequential(
        [keras.Input((frames, 8, 8, 1)), tokenizer.encoder]
    )
    assert models.VQVAE(
        nested, tokenizer.quantizer, tokenizer.decoder
    ).is_causal
    assert not zoo.vqvae((4, 8, 8, 1), **SMALL).is_causal
    prior = zoo.transformer(tokenizer, num_layers=1, hidden_dim=8)
    generator = LatentGenerator(tokenizer, perturbed(prior))
    video = rng.uniform(size=(3, frames, 8, 8, 1)).astype("float32")
    mask = np.zeros((frames, 8, 8), bool)
    mask[1 + factor :] = True
    hidden = np.where(mask[..., None], 0.5, video)
    found = generator.inpaint(hidden, mask, seed=0)
    codes = tokenizer.encode(video)
    expected = prior.generate(3, prompt=codes[:, :2].reshape(3, -1), seed=0)
    np.testing.assert_allclose(found, tokenizer.decode(expected), atol=1e-5)


def test_attention_at_the_grid_of_the_axes_that_shrink():
    encoder = networks.vqgan_encoder(
        (4, 16, 16, 1),
        3,
        channel_multipliers=(1, 1, 1),
        downsampling=(1, 4, 4),
        hidden_dim=4,
        num_residual_layers=1,
    )
    attended = [
        layer.output.shape[1:4]
        for layer in encoder.layers
        if isinstance(layer, keras.layers.MultiHeadAttention)
    ]
    assert set(attended) == {(4, 4, 4)}
