"""What the factories of adversarial models share."""

import pathlib

import keras


def load_perceptual_loss(perceptual_loss):
    """What a model takes: a path to a `.keras` file becomes what is in it."""
    if not str(perceptual_loss).endswith(".keras"):
        return perceptual_loss
    if not pathlib.Path(perceptual_loss).is_file():
        raise FileNotFoundError(
            "There is no feature network for `perceptual_loss` at "
            f"{perceptual_loss}. Give the .keras file of a model from images "
            "to feature maps, 'lpips', or None for none."
        )
    return keras.models.load_model(perceptual_loss, compile=False)


def compile_players(model, learning_rate):
    """Compile with Adam, as the paper does, for each group of variables."""
    model.compile(
        {
            name: keras.optimizers.Adam(learning_rate, beta_1=0.5, beta_2=0.9)
            for name in model.variable_groups()
        }
    )
