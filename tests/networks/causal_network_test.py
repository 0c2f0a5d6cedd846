"""What every causal network must do, without a prior."""

import keras
import numpy as np
import pytest

from keras_vq import networks
from tests.helpers import assert_close
from tests.helpers import perturbed
from tests.helpers import to_numpy
from tests.networks import causal_networks
from tests.networks.causal_networks import KINDS
from tests.networks.causal_networks import NUM_CLASSES
from tests.networks.causal_networks import NUM_EMBEDDINGS
from tests.networks.causal_networks import call
from tests.networks.causal_networks import call_in_steps
from tests.networks.causal_networks import compiled
from tests.networks.causal_networks import random_codes
from tests.networks.causal_networks import random_conditioning

ROWS = 6
OPTIONS = {
    "plain": {},
    "all options": {
        "num_classes": NUM_CLASSES,
        "has_condition": True,
        "codes_per_position": 2,
    },
}


@pytest.fixture(scope="module", params=OPTIONS)
def options(request):
    return OPTIONS[request.param]


@pytest.fixture(scope="module", params=KINDS)
def network(request, options):
    """Each network, with and without options."""
    return perturbed(causal_networks.create(request.param, **options))


@pytest.fixture(scope="module")
def features_of(network):
    """The compiled `call`, of arrays."""
    return compiled(call, network)


@pytest.fixture
def codes(network, rng):
    return random_codes(rng, network, ROWS)


@pytest.fixture
def conditioning(network, rng):
    return random_conditioning(rng, network, ROWS)


@pytest.mark.parametrize("kind", causal_networks.KINDS)
def test_networks_with_a_condition_have_a_configuration(kind):
    network = causal_networks.create(kind, has_condition=True)
    again = type(network).from_config(network.get_config())
    assert again.condition_shape == network.condition_shape
    assert again.count_params() == network.count_params()


def test_features_depend_on_earlier_positions_alone_and_on_all_of_them(
    network, features_of, codes, conditioning
):
    count = network.num_positions
    features = features_of(codes, conditioning)
    assert features.shape == (
        ROWS,
        *network.position_shape,
        network.features_dim,
    )
    for position in range(count):
        changed = codes.reshape(ROWS, count, -1).copy()
        changed[:, position] = (changed[:, position] + 1) % NUM_EMBEDDINGS
        differs = features_of(changed.reshape(codes.shape), conditioning)
        differs = np.abs(differs - features).reshape(ROWS, count, -1)
        differs = differs.max(axis=(0, 2))
        assert (differs[: position + 1] == 0).all()
        assert (differs[position + 1 :] > 1e-6).all()


def test_steps_equal_the_call(network, features_of, codes, conditioning):
    np.testing.assert_allclose(
        compiled(call_in_steps, network)(codes, conditioning),
        features_of(codes, conditioning),
        atol=1e-5,
    )


def test_labels_and_condition_change_the_features(
    network, features_of, codes, conditioning, rng
):
    features = features_of(codes, conditioning)

    def assert_matters(**changes):
        changed = features_of(codes, conditioning._replace(**changes))
        differs = np.abs(changed - features).max(axis=(0, -1))
        assert (differs > 1e-3).all()

    if network.num_classes is not None:
        assert_matters(labels=(conditioning.labels + 1) % NUM_CLASSES)
        # "No label".
        assert_matters(labels=np.full_like(conditioning.labels, NUM_CLASSES))
    if network.condition_shape is not None:
        other = random_conditioning(rng, network, ROWS).condition
        assert_matters(condition=other)


@pytest.mark.parametrize(
    ("function", "policy"),
    [
        (call, "mixed_bfloat16"),
        # JAX has no float64 unless it is switched on.
        (
            call_in_steps,
            "float16" if keras.config.backend() == "jax" else "float64",
        ),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_other_precisions_come_close_to_float32(kind, function, policy, rng):
    options = OPTIONS["all options"]
    single = perturbed(causal_networks.create(kind, **options))
    other = causal_networks.create(kind, dtype=policy, **options)
    other.set_weights([to_numpy(w) for w in single.weights])
    codes = random_codes(rng, single, ROWS)
    conditioning = random_conditioning(rng, single, ROWS)
    expected = compiled(call, single)(codes, conditioning)
    found = compiled(function, other)(codes, conditioning)
    assert found.dtype == "float32"
    assert_close(found, expected, relative=0.05)


def test_state_of_a_pixelcnn_does_not_grow_with_the_number_of_rows():
    def sizes(height):
        network = networks.PixelCNN((height, 4), 8, hidden_dim=4, num_layers=3)
        state = network.initial_state(2)
        parts = (state["row_caches"], state["caches"], state["features"])
        return [np.prod(cache.shape) for part in parts for cache in part]

    assert sizes(3) == sizes(30)


def test_transformer_sees_all_codes_of_the_condition_everywhere(rng):
    network = perturbed(
        causal_networks.create("Transformer", has_condition=True)
    )
    features_of = compiled(call, network)
    codes = random_codes(rng, network, 2)
    conditioning = random_conditioning(rng, network, 2)
    features = features_of(codes, conditioning)
    for cell in np.ndindex(*network.condition_shape):
        changed = conditioning.condition.copy()
        changed[:, *cell] = (changed[:, *cell] + 1) % 7
        differs = features_of(codes, conditioning._replace(condition=changed))
        assert (np.abs(differs - features).max(axis=-1) > 1e-7).all()


@pytest.mark.parametrize(
    ("create", "message"),
    [
        (
            lambda: networks.PixelCNN((4, 0), 8),
            r"`code_shape` must be .*\(4, 0\)",
        ),
        (
            lambda: networks.PixelCNN((4, 4), 1),
            "`num_embeddings` must be .*=1",
        ),
        (
            lambda: networks.PixelCNN((4, 4), 8, num_classes=0),
            "`num_classes` must be .*=0",
        ),
        (
            lambda: networks.PixelCNN((4,), 8),
            r"\(height, width\).*code_shape=\(4,",
        ),
        (
            lambda: networks.PixelCNN((4, 4), 8, codes_per_position=2),
            "`codes_per_position` must be 1 or .*codes_per_position=2",
        ),
        (
            lambda: networks.PixelCNN((4, 4), 8, num_layers=0),
            "`num_layers` must be .*=0",
        ),
        (
            lambda: networks.PixelCNN((4, 4), 8, kernel_size=4),
            "`kernel_size` must be .*=4",
        ),
        (
            lambda: networks.PixelSNAIL((4, 4), 8, hidden_dim=8, num_layers=3),
            "must divide `num_layers`.*num_attentions=2 and num_layers=3",
        ),
        (
            lambda: networks.WaveNet((4,), 8, condition_shape=(2,)),
            r"of floats, .* or of codes.*num_condition_embeddings=None",
        ),
        (
            lambda: networks.WaveNet(
                (4,), 8, condition_shape=(3,), num_condition_embeddings=8
            ),
            r"steps divide the positions.*\(3,\) for 4 positions",
        ),
        (
            lambda: networks.WaveNet((4, 4, 2), 8),
            r"WaveNet models sequences.*code_shape=\(4, 4, 2\)",
        ),
        (
            lambda: networks.Transformer((4, 4), 8, num_heads=3, hidden_dim=8),
            "`num_heads` must divide .*num_heads=3",
        ),
        (
            lambda: networks.Transformer((4, 4), 8, positions="absolute"),
            "`positions` must be one of .*'absolute'",
        ),
        (
            lambda: networks.Transformer(
                (4, 2), 8, codes_per_position=2, tie_weights=True
            ),
            "`tie_weights` needs one code per position.*=2",
        ),
        (
            lambda: networks.Transformer((4, 4), 8, condition_shape=(2, 2)),
            "must be given together.*num_condition_embeddings=None",
        ),
        (
            lambda: networks.Transformer(
                (4, 4),
                8,
                positions="rotary",
                condition_shape=(2,),
                num_condition_embeddings=3,
            ),
            r"as many axes.*condition_shape=\(2,\)",
        ),
    ],
)
def test_bad_arguments(create, message):
    with pytest.raises(ValueError, match=message):
        create()
