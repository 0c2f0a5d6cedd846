import numpy as np
import pytest

from keras_vq import layers
from keras_vq import losses
from keras_vq import networks
from keras_vq import zoo
from tests.helpers import perturbed
from tests.helpers import to_numpy

SMALL = {
    "num_embeddings": 8,
    "code_dim": 2,
    "num_stages": 3,
    "hidden_dim": 2,
    "embedding_dim": 4,
    "strides": (4, 5),
    "dilations": (1,),
}


@pytest.fixture(scope="module")
def codec():
    return perturbed(zoo.audio_codec((200, 1), 1000, seed=0, **SMALL))


@pytest.fixture
def clips(rng):
    return rng.uniform(-0.5, 0.5, size=(2, 200, 1)).astype("float32")


def test_fewer_stages_are_decoded(codec, clips):
    codes = codec.encode(clips)
    assert codes.shape == (2, 10, 3)
    whole, two = codec.decode(codes), codec.decode(codes[..., :2])
    assert whole.shape == two.shape == clips.shape
    assert np.abs(whole - two).max() > 1e-4
    for bad in (codes[..., :0], np.concatenate([codes, codes], -1)):
        with pytest.raises(ValueError, match="indices"):
            codec.decode(bad)


def test_default_codebooks_stay_in_use(rng):
    """A codebook trained by gradient alone used 1 code of each stage here."""
    clips = rng.uniform(-1, 1, (32, 200, 1)) * rng.uniform(size=(32, 1, 1))
    codec = zoo.audio_codec(
        (200, 1),
        1000,
        seed=0,
        learning_rate=1e-3,
        **SMALL | {"num_embeddings": 32},
    )
    codec.fit(clips, batch_size=8, epochs=8, verbose=0)
    codes = codec.encode(clips).reshape(-1, 3)
    used = [len(np.unique(stage)) for stage in codes.T]
    assert min(used) >= 0.9 * 32, used


def test_codes_depend_on_their_samples_and_those_before(codec, clips):
    changed = clips.copy()
    changed[:, 100:] += 0.3
    codes, others = codec.encode(clips), codec.encode(changed)
    np.testing.assert_array_equal(codes[:, :5], others[:, :5])
    assert (codes[:, 5:] != others[:, 5:]).any()


def test_parts_are_handed_in(clips):
    quantizer = layers.FiniteScalarQuantizer((5, 4))
    codec = zoo.audio_codec(
        (200, 2), 1000, quantizer=quantizer, spectral_weight=0.0, **SMALL
    )
    assert codec.quantizer is quantizer
    assert codec.perceptual_loss is None
    assert codec.encode(np.repeat(clips, 2, axis=-1)).shape == (2, 10)


def test_coarse_stages_at_a_lower_rate(clips):
    codec = zoo.audio_codec(
        (200, 1),
        1000,
        stage_strides=(2, 2, 1),
        spectral_weight=0.0,
        **{**SMALL, "strides": (2, 5)},
    )
    codes = codec.encode(clips)
    assert codes.shape == (2, 10, 4)
    assert codec.code_bits == 10 * 4 * 3
    assert codec.decode(codes[..., :2]).shape == clips.shape
    stream = codec.stream(batch_size=2)
    found = [stream.encode(clips[:, i : i + 40]) for i in range(0, 200, 40)]
    np.testing.assert_array_equal(np.concatenate(found, axis=1), codes)


def relative_differences(real, fake):
    pairs = [
        (to_numpy(x), to_numpy(y))
        for maps, others in zip(real, fake, strict=True)
        for x, y in zip(maps[:-1], others[:-1], strict=True)
    ]
    return [np.mean(np.abs(x - y)) / np.mean(np.abs(x)) for x, y in pairs]


def test_features_of_discriminators_are_matched(clips):
    codec = zoo.audio_codec(
        (200, 1),
        1000,
        adversary=losses.Adversary(
            networks.audio_discriminator((200, 1), (7,), (64,), 1),
            feature_weight=2.0,
        ),
        spectral_weight=0.0,
        stage_dropout=0.0,
        **SMALL,
    )
    perturbed(codec)  # at first, gradients do not reach all weights
    real = codec.adversary(clips)
    outputs = codec.losses_of(clips, None, training=False)
    fake = codec.adversary(outputs["reconstruction"])
    before = codec.decoder.get_weights()
    logs = codec.fit(clips, batch_size=2, verbose=0).history
    expected = relative_differences(real, fake)
    assert len(expected) == 10
    np.testing.assert_allclose(
        logs["feature_loss"][0], np.mean(expected), rtol=1e-3
    )
    logits = np.mean([to_numpy(maps[-1]).mean() for maps in fake])
    np.testing.assert_allclose(
        logs["generator_loss"][0], -logits, rtol=1e-3, atol=1e-6
    )
    assert all(
        (x != y).any()
        for x, y in zip(before, codec.decoder.get_weights(), strict=True)
    )


def test_default_discriminators():
    codec = zoo.audio_codec(
        (600, 1), 1000, disc_weight=0.5, disc_hidden_dim=1, **SMALL
    )
    assert len(codec.adversary.discriminator.output) == 5 + 2
    assert codec.adversary.feature_weight == 1.0
    with pytest.raises(ValueError, match="returns its features"):
        zoo.audio_codec(
            (200, 1),
            1000,
            adversary=losses.Adversary(
                networks.patch_discriminator((200, 1), 2, 1),
                feature_weight=1.0,
            ),
            **SMALL,
        ).fit(np.zeros((1, 200, 1)), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (210, 1)}, r"must divide .*\(210, 1\)"),
        ({"sample_rate": 0}, "sample_rate=0"),
        ({"num_stages": 1}, "num_stages=1"),
        ({"code_dim": 0}, "embedding_dim=0"),
        ({"spectral_weight": float("nan")}, "spectral_weight=nan"),
        ({"disc_weight": -1.0}, "disc_weight=-1.0"),
        ({"disc_weight": 1.0}, r"Spectra of at least 512 .*\(200, 1\)"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.audio_codec(
            **{
                "input_shape": (200, 1),
                "sample_rate": 1000,
                **SMALL,
                **arguments,
            }
        )
