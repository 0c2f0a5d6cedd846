import numpy as np
import pytest

from keras_vq.losses import PerceptualLoss
from keras_vq.metrics import LPIPS
from tests.helpers import to_numpy


def test_is_the_mean_of_the_loss_over_images(rng, lpips_file):
    x, y = rng.uniform(size=(2, 2, 1, 16, 16, 3)).astype("float32")
    metric = LPIPS(weights_file=lpips_file)
    loss = PerceptualLoss(weights_file=lpips_file)
    expected = np.mean([to_numpy(loss(a, b)) for a, b in zip(x, y)])
    for a, b in zip(x, y):
        metric.update_state(a, b)
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)
    assert len(metric.variables) == 2


def test_restores_its_weights_from_its_configuration(
    rng, lpips_file, monkeypatch
):
    monkeypatch.setenv("KERAS_VQ_LPIPS", str(lpips_file))
    metric = LPIPS()
    config = metric.get_config()
    assert (config["feature_network"], config["weights_file"]) == (
        "lpips",
        None,
    )
    again = LPIPS.from_config(config)
    x, y = rng.integers(0, 256, size=(2, 1, 16, 16, 1)).astype("uint8")
    for m in (metric, again):
        m.update_state(x, y)
    assert float(again.result()) == float(metric.result()) > 0


@pytest.mark.parametrize("cls", [LPIPS, PerceptualLoss])
@pytest.mark.parametrize(
    "file", ["https://example.com/x.safetensors", "file:///etc/passwd", "x"]
)
def test_a_configuration_names_no_files(cls, file):
    with pytest.raises(ValueError, match="Loading reads no other file"):
        cls.from_config({"weights_file": file})
