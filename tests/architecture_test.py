"""The house rules: who may import whom, and what the public surface has."""

import ast
import importlib
import inspect
import pathlib
import subprocess
import sys

import keras
import pytest

import keras_vq
from tests.helpers import BACKENDS
from tests.helpers import run_python

PACKAGE = pathlib.Path(keras_vq.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Imports go down this list, never up; names on one line know of each other
# only as the line allows.
FLOORS = [
    "cli",
    "tuning",
    "export",
    "data",
    "zoo",
    "callbacks",
    "generator",
    "models",
    "priors",
    "metrics",
    "losses",
    "networks",
    "likelihoods",
    "layers",
    "regularizers",
    "training",
    "samplers",
    "ops",
    "backend",
    "saving",
    "files",
    "did_you_mean",
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
    "ops",
    "priors",
    "regularizers",
    "samplers",
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


def floor(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_file_has_its_floor():
    floors = {floor(path) for path in FILES} - {"__init__"}
    assert floors == set(FLOORS)


def test_imports_go_one_way():
    wrong = []
    for path in FILES:
        if floor(path) == "__init__":
            continue
        for module in imports(path):
            if not module.startswith("keras_vq."):
                continue
            target = module.split(".")[1]
            if FLOORS.index(target) < FLOORS.index(floor(path)):
                wrong.append(f"{path.name} imports {module}")
    assert wrong == []


def test_only_backend_data_and_export_name_a_backend():
    wrong = []
    for path in FILES:
        allowed = {
            "backend": set(BACKENDS),
            "data": {"tensorflow"},
            "export": {"tensorflow"},
        }.get(floor(path), set())
        roots = {module.split(".")[0] for module in imports(path)}
        if (roots & set(BACKENDS)) - allowed:
            wrong.append(path.name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and not allowed:
                text = ast.unparse(node)
                if "backend()" in text:
                    wrong.append(f"{path.name}: {text}")
    assert wrong == []


def test_every_backend_defines_the_same_names():
    from keras_vq import backend

    for name in BACKENDS:
        tree = ast.parse((PACKAGE / "backend" / f"{name}.py").read_text())
        defined = {
            node.name
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        }
        public = {name for name in defined if not name.startswith("_")}
        assert public == set(backend._NAMES)


def public_objects():
    for namespace in NAMESPACES:
        module = importlib.import_module(f"keras_vq.{namespace}")
        for name in module.__all__:
            yield pytest.param(getattr(module, name), id=f"{namespace}.{name}")


@pytest.mark.parametrize("obj", list(public_objects()))
def test_every_public_name_is_documented(obj):
    doc = inspect.getdoc(obj)
    assert doc
    assert "Example:" in doc or "Base of" in doc
    if inspect.isclass(obj):
        methods = [
            m
            for name, m in vars(obj).items()
            if inspect.isfunction(m) and not name.startswith("_")
        ]
        inherited = {n for base in obj.__mro__[1:] for n in vars(base)}
        for method in methods:
            assert method.__doc__ or method.__name__ in inherited, method


def test_files_stay_small():
    long = {
        path.name: lines
        for path in FILES
        if (lines := len(path.read_text().splitlines())) > 300
    }
    assert long == {}


def test_every_namespace_is_public():
    assert [n for n in NAMESPACES if n not in keras_vq.__all__] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        keras_vq.nothing  # noqa: B018


def test_import_brings_no_backend_that_keras_does_not():
    script = (
        "import sys, keras; before = set(sys.modules); import keras_vq; "
        "print({m.split('.')[0] for m in set(sys.modules) - before}"
        f" & {set(BACKENDS)!r})"
    )
    assert run_python("-c", script).stdout.strip() == "set()"


def test_works_where_the_other_backends_are_not_installed():
    """On TensorFlow neither jax nor torch is needed, and so on."""
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


def test_other_backends_of_keras_are_refused_in_words():
    child = subprocess.run(
        [sys.executable, "-c", "import keras_vq"],
        env={"KERAS_BACKEND": "numpy", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert "runs on the backends tensorflow, jax, torch" in child.stderr
