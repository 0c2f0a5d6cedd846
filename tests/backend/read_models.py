"""Usage: python -m tests.backend.read_models FOLDER

Opens the `.keras` files of a folder in a process of another backend, runs each
on the images of `inputs.npy`, and trains it further. Codes and outputs go to
`NAME-BACKEND.npz`.
"""

import pathlib
import sys

import keras
import numpy as np

import keras_vq  # noqa: F401 (registers the classes to be loaded)

folder = pathlib.Path(sys.argv[1])
x = np.load(folder / "inputs.npy")
for path in folder.glob("*.keras"):
    model = keras.models.load_model(path)
    np.savez(
        folder / f"{path.stem}-{keras.config.backend()}.npz",
        codes=model.encode(x),
        outputs=model.predict(x, verbose=0),
    )
    iterations = int(model.optimizer.iterations)
    model.fit(x, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == iterations + 1
