"""Architecture rules: the order of imports and the public API."""

import ast
import importlib
import inspect
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_vq
from keras_vq import backend
from keras_vq import data
from keras_vq import models
from keras_vq import networks
from keras_vq import priors
from tests.conftest import EVERY_BACKEND
from tests.conftest import ROOT
from tests.conftest import backends_of
from tests.helpers import BACKENDS
from tests.helpers import run_python

PACKAGE = pathlib.Path(keras_vq.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Imports go down this list, never up.
LAYERS = [
    "cli",
    "recipes",
    "tuning",
    "export",
    "zoo",
    "generator",
    "notebook",
    "data",
    "callbacks",
    "models",
    "priors",
    "metrics",
    "losses",
    "likelihoods",
    "networks",
    "layers",
    "samplers",
    "schedules",
    "regularizers",
    "training",
    "saving",
    "ops",
    "published",
    "checks",
    "did_you_mean",
    "extras",
    "backend",
]
NAMESPACES = [
    "callbacks",
    "data",
    "export",
    "layers",
    "likelihoods",
    "losses",
    "metrics",
    "models",
    "networks",
    "ops",
    "priors",
    "recipes",
    "regularizers",
    "samplers",
    "schedules",
    "training",
    "tuning",
    "zoo",
]


def imports(path):
    """Modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.module == "keras_vq":
                found |= {f"keras_vq.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
    return found


def layer_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_file_belongs_to_a_layer():
    layers = {layer_of(path) for path in FILES} - {"__init__"}
    assert layers == set(LAYERS)


def test_imports_go_one_way():
    wrong = []
    for path in FILES:
        if layer_of(path) == "__init__":
            continue
        for module in imports(path):
            if not module.startswith("keras_vq."):
                continue
            target = module.split(".")[1]
            if LAYERS.index(target) < LAYERS.index(layer_of(path)):
                wrong.append(f"{path.name} imports {module}")
    assert wrong == []


def test_only_backend_data_and_export_name_a_backend():
    wrong = []
    for path in FILES:
        allowed = {
            "backend": set(BACKENDS),
            "data": {"tensorflow"},
            "export": {"tensorflow"},
        }.get(layer_of(path), set())
        roots = {module.split(".")[0] for module in imports(path)}
        if (roots & set(BACKENDS)) - allowed:
            wrong.append(path.name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and not allowed:
                text = ast.unparse(node)
                if "backend()" in text:
                    wrong.append(f"{path.name}: {text}")
    assert wrong == []


def test_text_files_are_utf8_whatever_the_locale():
    wrong = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("read_text", "write_text")
                and "encoding" not in {k.arg for k in node.keywords}
            ):
                wrong.append(f"{path.name}:{node.lineno}")
    assert wrong == []


def test_every_backend_defines_the_same_names():
    for name in BACKENDS:
        tree = ast.parse((PACKAGE / "backend" / f"{name}.py").read_text())
        defined = {
            node.name
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        }
        public = {name for name in defined if not name.startswith("_")}
        assert public == set(backend._NAMES)


def model_classes():
    found = [keras_vq.LatentGenerator]
    for module in (models, priors):
        found += [getattr(module, name) for name in module.__all__]
    return [cls for cls in found if inspect.isclass(cls)]


@pytest.mark.parametrize("cls", model_classes(), ids=lambda c: c.__name__)
def test_at_most_three_classes_between_a_model_and_keras(cls):
    ours = [
        base.__name__
        for base in cls.__mro__[1:]
        if base.__module__.startswith("keras_vq.")
        and not base.__module__.startswith("keras_vq.backend.")
    ]
    assert len(ours) <= 3, ours


@pytest.mark.parametrize(
    "cls",
    [networks.PixelCNN, networks.PixelSNAIL, networks.Transformer],
    ids=lambda c: c.__name__,
)
def test_at_most_three_classes_between_a_network_and_keras(cls):
    ours = [
        base.__name__
        for base in cls.__mro__[1:]
        if base.__module__.startswith("keras_vq.")
        and not base.__module__.startswith("keras_vq.backend.")
    ]
    assert len(ours) <= 3, ours


def test_own_objects_are_not_searched_for_attributes():
    """`hasattr` and `getattr` with a default hide what a class can do."""
    wrong = []
    for path in FILES:
        if layer_of(path) in ("backend", "saving"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            if name == "hasattr" or (name == "getattr" and len(node.args) > 2):
                wrong.append(
                    f"{layer_of(path)}/{path.name}: {ast.unparse(node)}"
                )
    # Data of any library, and layers that may be functional models.
    assert sorted(wrong) == sorted(ALLOWED)


ALLOWED = [
    "checks/checks.py: hasattr(data, 'cardinality')",
    "checks/checks.py: hasattr(value, 'shape')",
    "models/first_stage.py: hasattr(x, 'shape')",
    "models/wiring.py: getattr(encoder, 'inputs', None)",
    "networks/image_features.py: getattr(network, 'inputs', None)",
    "layers/quantizer.py: hasattr(indices, 'dtype')",
    "priors/prior.py: getattr(x, 'tokenizer_fingerprint', own)",
    "training/batches.py: getattr(inputs, 'shape', (None,))",
    "training/batches.py: hasattr(batch, 'shape')",
    "training/batches.py: hasattr(data, 'shape')",
    "training/batches.py: hasattr(x, '__iter__')",
    "training/batches.py: hasattr(x, 'collate_fn')",
    "training/batches.py: hasattr(data, '__iter__')",
    "training/batches.py: hasattr(x, 'element_spec')",
    "training/batches.py: hasattr(x, 'shape')",
    "training/batches.py: hasattr(x, 'take')",
]


def test_one_training_step_passes_through_four_files():
    """The files whose functions call other functions of ours in one step.

    Equations (`ops`, likelihoods, metrics, checks) and functions that call
    none of ours are leaves, which a reader need not open to follow the step.
    """
    equations = {"ops", "likelihoods", "metrics", "checks"}
    layers = keras.layers
    model = models.VQVAE(
        keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 4, 4)]),
        keras_vq.layers.VectorQuantizer(16, 4),
        keras.Sequential(
            [keras.Input((2, 2, 4)), layers.Conv2DTranspose(3, 4, 4)]
        ),
    )
    model.compile("sgd", run_eagerly=True)
    x = np.zeros((4, 8, 8, 3), "float32")
    calling = set()

    def relative_file(frame):
        path = pathlib.Path(frame.f_code.co_filename)
        return path.relative_to(PACKAGE) if PACKAGE in path.parents else None

    def is_leaf(file):
        return file is None or layer_of(PACKAGE / file) in equations

    def trace(frame, event, argument):
        if event != "call" or is_leaf(relative_file(frame)):
            return
        caller = frame.f_back
        while caller is not None and relative_file(caller) is None:
            caller = caller.f_back
        if caller is not None:
            calling.add(str(relative_file(caller)))

    model.train_on_batch(x)
    before = sys.getprofile()
    sys.setprofile(trace)
    try:
        model.train_on_batch(x)
    finally:
        sys.setprofile(before)
    files = {file for file in calling if not is_leaf(pathlib.Path(file))}
    assert files == {
        "models/vqvae.py",
        "layers/vector_quantizer.py",
        "training/model.py",
        f"backend/{keras.config.backend()}.py",
    }


def public_objects():
    for namespace in NAMESPACES:
        module = importlib.import_module(f"keras_vq.{namespace}")
        for name in module.__all__:
            obj = getattr(module, name)
            if callable(obj):
                yield pytest.param(obj, id=f"{namespace}.{name}")


@pytest.mark.parametrize("obj", list(public_objects()))
def test_every_public_name_is_documented(obj):
    doc = inspect.getdoc(obj)
    assert doc
    assert "Example:" in doc or doc.startswith("Base ")
    if inspect.isclass(obj):
        methods = [
            m
            for name, m in vars(obj).items()
            if inspect.isfunction(m) and not name.startswith("_")
        ]
        inherited = {n for base in obj.__mro__[1:] for n in vars(base)}
        for method in methods:
            assert method.__doc__ or method.__name__ in inherited, method


def test_every_namespace_is_public():
    assert [n for n in NAMESPACES if n not in keras_vq.__all__] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        keras_vq.nothing  # noqa: B018


def test_code_that_computes_is_tested_on_every_backend():
    def backends(folder):
        return backends_of(ROOT / "tests" / folder / "x_test.py")

    for folder in ("layers", "models", "priors", "ops", "training", "backend"):
        assert backends(folder) == EVERY_BACKEND
    assert backends("export") == backends("data") == ("tensorflow",)
    assert backends("cli") == backends("docs") == ("torch",)
    assert data.load  # the namespace exists


def test_import_loads_no_backend_that_keras_does_not():
    script = (
        "import sys, keras; before = set(sys.modules); import keras_vq; "
        "print({m.split('.')[0] for m in set(sys.modules) - before}"
        f" & {set(BACKENDS)!r})"
    )
    assert run_python("-c", script).stdout.strip() == "set()"


def test_works_where_the_other_backends_are_not_installed():
    """Each backend works without the packages of the others."""
    others = set(BACKENDS) - {keras.config.backend(), "tensorflow"}
    script = f"""
import sys
class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {sorted(others)!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing)
import numpy as np
import keras_vq
model = keras_vq.zoo.vqvae(input_shape=(8, 8, 3), hidden_dim=8)
model.fit(np.zeros((4, 8, 8, 3)), verbose=0)
model.decode(model.encode(np.zeros((4, 8, 8, 3))))
print("done")
"""
    assert run_python("-c", script).stdout.strip().endswith("done")


@pytest.mark.parametrize("name", ["numpy", "mxnet"])
def test_other_backends_are_rejected(name):
    child = subprocess.run(
        [sys.executable, "-c", "import keras_vq"],
        env={"KERAS_BACKEND": name, "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert "supports the backends tensorflow, jax, torch" in child.stderr
    assert f"Received: KERAS_BACKEND={name}." in child.stderr
