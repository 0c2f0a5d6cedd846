"""The wheel contains the zoo."""

import subprocess
import sys
import zipfile

from tests.conftest import ROOT
from tests.helpers import run_python


def test_the_wheel_contains_the_zoo(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--quiet"]
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path]
    subprocess.run([*build, *options], check=True)
    (wheel,) = tmp_path.glob("keras_vq-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path / "site")!r})
import keras_vq
from keras_vq.recipes import Recipe, available
assert keras_vq.__file__.startswith({str(tmp_path)!r}), keras_vq.__file__
print(Recipe.load("vqvae_mnist").data.name, *available())
"""
    data, *names = run_python("-c", script).stdout.split()
    assert data == "mnist"
    assert names == sorted(
        path.parent.name for path in ROOT.glob("zoo/*/recipe.toml")
    )
