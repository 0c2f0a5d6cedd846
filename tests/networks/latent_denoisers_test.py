import numpy as np
import pytest
from keras import ops

from keras_vq import networks
from tests.helpers import perturbed
from tests.helpers import run
from tests.helpers import to_numpy

SMALL = {"num_heads": 2, "hidden_dim": 8}


def transformer(shape, **kwargs):
    patch = 2 if shape[0] % 2 == 0 else 1
    return networks.DiffusionTransformer(
        shape, num_layers=1, patch_size=patch, **SMALL, **kwargs
    )


def unet(shape, **kwargs):
    return networks.UNet(shape, num_residual_layers=1, **SMALL, **kwargs)


@pytest.mark.parametrize("make", [transformer, unet])
@pytest.mark.parametrize("shape", [(4, 6, 3), (7, 5, 2), (6, 2), (2, 4, 2, 3)])
def test_outputs_start_at_zero_and_have_the_shape_of_latents(make, shape, rng):
    network = make(shape)
    inputs = rng.normal(size=(2, *shape)).astype("float32")
    time = np.array([0.1, 1.0], "float32")
    outputs = run(network, inputs, networks.Conditioning(), time)
    np.testing.assert_array_equal(outputs, np.zeros((2, *shape)))
    outputs = run(perturbed(network), inputs, networks.Conditioning(), time)
    assert np.abs(outputs).min() > 0


@pytest.mark.parametrize("make", [transformer, unet])
def test_latents_label_time_and_condition_matter(make, rng):
    network = perturbed(make((4, 4, 2), num_classes=3, condition_shape=(5, 6)))
    inputs = rng.normal(size=(1, 4, 4, 2)).astype("float32")
    changed = inputs.copy()
    changed[0, 0, 0, 0] += 1
    condition = rng.normal(size=(1, 5, 6)).astype("float32")
    first = (inputs, np.array([1]), condition, 0.5)
    others = [
        (changed, np.array([1]), condition, 0.5),
        (inputs, np.array([2]), condition, 0.5),
        (inputs, np.array([1]), condition + 1, 0.5),
        (inputs, np.array([1]), condition, 0.25),
    ]
    x, *rest = (
        run(
            network,
            inputs,
            networks.Conditioning(labels, condition),
            np.array([time], "float32"),
        )
        for inputs, labels, condition, time in (first, *others)
    )
    for y in rest:
        assert np.abs(x - y).min() > 1e-7  # everywhere


def test_patches_are_put_back(rng):
    network = transformer((4, 6, 3))
    x = rng.normal(size=(2, 4, 6, 3)).astype("float32")
    patches = network._to_patches(ops.convert_to_tensor(x))
    assert tuple(patches.shape) == (2, 2, 3, 12)
    np.testing.assert_array_equal(
        to_numpy(patches)[0, 1, 2].reshape(2, 2, 3), x[0, 2:4, 4:6]
    )
    np.testing.assert_array_equal(to_numpy(network._from_patches(patches)), x)


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (networks.DiffusionTransformer, {"patch_size": 3}, "patch_size=3"),
        (networks.DiffusionTransformer, {"num_heads": 3}, "num_heads=3"),
        (networks.UNet, {"attention_levels": (2,)}, "attention_levels=2"),
        (networks.UNet, {"condition_shape": (5,)}, r"condition_shape=\(5,\)"),
        (networks.UNet, {"latent_shape": (4,)}, r"\(\*grid, channels\)"),
    ],
)
def test_bad_arguments(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**{"latent_shape": (4, 4, 2), "hidden_dim": 8, **arguments})
