import os
import pathlib

# Before any backend is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Models this small spend their time in XLA's compiler, not in what it makes.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import keras
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def fixed_seeds():
    keras.utils.set_random_seed(0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def scenes_dir(tmp_path_factory):
    """Where a few of the built-in scenes are prepared, once for all tests."""
    from keras_vq.data.scenes import builder

    path = str(tmp_path_factory.mktemp("tfds"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "NUM_EXAMPLES", {"train": 1000, "test": 100})
        for size in ("32", "64"):
            builder.Scenes(config=size, data_dir=path).download_and_prepare()
    return path


@pytest.fixture(scope="session")
def lpips_file(tmp_path_factory):
    """A file of weights of LPIPS: those of the real shapes, but random."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    tensors = {}
    place, channels = 0, 3
    for i, (dim, count) in enumerate(
        [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]
    ):
        for _ in range(count):
            kernel = rng.standard_normal((dim, channels, 3, 3), "float32")
            kernel *= (2 / (9 * channels)) ** 0.5
            bias = 0.1 * rng.normal(size=dim)
            tensors[f"features.{place}.weight"] = kernel
            tensors[f"features.{place}.bias"] = bias.astype("float32")
            place, channels = place + 2, dim
        place += 1
        scale = rng.uniform(size=(1, dim, 1, 1)).astype("float32")
        tensors[f"lin{i}.model.1.weight"] = scale
    path = tmp_path_factory.mktemp("lpips") / "lpips_vgg16.safetensors"
    save_file(tensors, path)
    return path


@pytest.fixture(scope="session")
def real_data_dir():
    """The prepared TFDS directories that KERAS_VQ_TEST_DATA names.

    Under CI=true their absence is a failure, elsewhere the test is skipped.
    """
    default = ROOT.parent / "shared" / "tfds"
    path = pathlib.Path(os.environ.get("KERAS_VQ_TEST_DATA", default))
    path = path if path.is_absolute() else ROOT / path
    if not (path / "mnist").is_dir():
        reason = f"no prepared data in {path}; set KERAS_VQ_TEST_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return str(path)
