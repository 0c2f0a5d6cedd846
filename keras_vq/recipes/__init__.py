"""Train, evaluate and tune models that TOML recipes describe."""

from keras_vq.extras import require

require("keras_vq.recipes", "tensorflow", "tensorflow_datasets", "keras_tuner")

from keras_vq.recipes.evaluate import evaluate
from keras_vq.recipes.recipe import Recipe
from keras_vq.recipes.recipe import available
from keras_vq.recipes.run import Run
from keras_vq.recipes.search import Search
from keras_vq.recipes.search import resume_search
from keras_vq.recipes.search import search
from keras_vq.recipes.train import resume
from keras_vq.recipes.train import train

__all__ = [
    "Recipe",
    "Run",
    "Search",
    "available",
    "evaluate",
    "resume",
    "resume_search",
    "search",
    "train",
]
