import ast
import atexit
import functools
import os
import pathlib
import shutil
import tempfile

# Before any backend is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Threads of processes that share the cores wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Models this small take longer to compile than to run.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_max_isa=AVX2 "
    "--xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_use_fusion_emitters=false",
)
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # Shared by the processes of one run.
    cache = tempfile.mkdtemp(prefix="jax_cache_")
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = cache
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import keras
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]
EVERY_BACKEND = ("tensorflow", "jax", "torch")


def pytest_addoption(parser):
    parser.addoption(
        "--share",
        action="store_true",
        help="run tests of code without tensors on one backend only",
    )


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--share"):
        return
    here = keras.config.backend()
    shared = [item for item in items if here not in backends_of(item.path)]
    config.hook.pytest_deselected(items=shared)
    items[:] = [item for item in items if item not in set(shared)]


def backends_of(path):
    """The backends that a test file runs on if tests are shared.

    Its folder mirrors one of the package or of the repository. Code that
    computes with `keras.ops` or `keras_vq.backend` is tested on every backend,
    code that uses TensorFlow as a library on that one, and other code on
    PyTorch, where nothing has to be compiled.
    """
    folder = path.relative_to(ROOT / "tests").parts[0].removesuffix("_test.py")
    for source in (ROOT / "keras_vq" / folder, ROOT / folder):
        if source.is_dir() and folder != "backend":
            modules = imported_modules(source)
            if modules & {"tensorflow", "tensorflow_datasets"}:
                return ("tensorflow",)
            if not modules & {"keras.ops", "keras_vq.backend"}:
                return ("torch",)
    return EVERY_BACKEND


@functools.cache
def imported_modules(folder):
    """Modules that the files of a folder import."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module)
                found |= {f"{node.module}.{a.name}" for a in node.names}
    return found


@pytest.fixture(autouse=True)
def fixed_seeds():
    keras.utils.set_random_seed(0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def scenes_dir(tmp_path_factory):
    """Folder with a few of the built-in scenes, prepared once."""
    from keras_vq.data.scenes import builder

    path = str(tmp_path_factory.mktemp("tfds"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "NUM_EXAMPLES", {"train": 500, "test": 100})
        builder.Scenes(config="32", data_dir=path).download_and_prepare()
        yield path


@pytest.fixture(scope="session")
def lpips_file(tmp_path_factory):
    """A file of LPIPS weights of the real shapes, with random values."""
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

    If they are missing the test fails under CI=true and is skipped elsewhere.
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
