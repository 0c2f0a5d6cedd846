"""Small recipes and their runs, trained once and shared by tests."""

import functools
import pathlib
import tempfile

from keras_vq import recipes

_DATA = """
[data]
name = "scenes"
train_split = "train[:96]"
test_split = "test[:32]"
batch_size = 16
"""
_SIZES = """
hidden_dim = 8
num_residual_layers = 1
residual_hidden_dim = 4
"""
RECIPES = {
    "vqvae": f"""
model = "vqvae"
[arguments]
input_shape = [32, 32, 3]
num_embeddings = 8
embedding_dim = 4
data_variance = "auto"
{_SIZES}{_DATA}
[training]
epochs = 2
min_steps = 0
learning_rate = 3e-3
schedule = "cosine"
[quick]
"training.epochs" = 1
""",
    "vqvae2": f"""
model = "vqvae2"
[arguments]
input_shape = [32, 32, 3]
num_embeddings = 16
embedding_dim = 4
{_SIZES}{_DATA}
[training]
epochs = 1
min_steps = 0
""",
    "cvae": f"""
model = "cvae"
[arguments]
input_shape = [32, 32, 1]
num_classes = 4
latent_dim = 4
network = "mlp"
beta_warmup_steps = 5
{_SIZES}{_DATA}binarize = true
[training]
epochs = 2
min_steps = 0
""",
    "pixelcnn": f"""
model = "pixelcnn"
[arguments]
tokenizer = "TOKENIZER"
num_classes = 4
hidden_dim = 8
num_layers = 2
first_kernel_size = 3
{_DATA}
[training]
epochs = 2
min_steps = 0
learning_rate = 3e-3
""",
}


def write_recipe(name, folder):
    """Write one of `RECIPES` to a folder; returns its path."""
    text = RECIPES[name]
    if "TOKENIZER" in text:
        path = trained_run("vqvae").model_path
        text = text.replace("TOKENIZER", str(path))
    path = pathlib.Path(folder) / f"{name}.toml"
    path.write_text(text)
    return path


@functools.cache
def _folder():
    return tempfile.TemporaryDirectory()


@functools.cache
def trained_run(name):
    """The run of one of `RECIPES`, trained when it is first asked for.

    Tests only read it; TFDS_DATA_DIR must name the folder of the scenes.
    """
    folder = pathlib.Path(_folder().name)
    return recipes.train(write_recipe(name, folder), folder / name)
