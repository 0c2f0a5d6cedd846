"""Usage: python -m tests.saving.read_model MODEL IN.npz OUT.npz

Loads a model in a process of another backend, runs it and learns on.
"""

import sys

import keras
import numpy as np

import keras_vq  # noqa: F401 (registers the classes to be loaded)

path, source, out = sys.argv[1:]
model = keras.models.load_model(path)
x = np.load(source)["x"]
results = {"codes": model.encode(x), "outputs": model.predict(x, verbose=0)}
iterations = int(model.optimizer.iterations)
model.fit(x, shuffle=False, verbose=0)
assert int(model.optimizer.iterations) == iterations + 1
np.savez(out, **results)
