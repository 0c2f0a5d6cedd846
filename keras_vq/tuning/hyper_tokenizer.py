import keras_tuner

from keras_vq.models import Tokenizer
from keras_vq.tuning.hyper_factory import HyperFactory
from keras_vq.tuning.rate_distortion import RateDistortion


class HyperTokenizer(HyperFactory):
    """Base of the hypermodels of models with codes.

    The `objective` is `val_reconstruction_loss`: the commitment cost scales
    `val_loss`, so that the least `val_loss` would be that of the least cost.
    `rate_distortion` counts the bits of the codes besides.

    Args:
        rate_weight: float >= 0; see `keras_vq.tuning.RateDistortion`. Defaults
            to 0.05.
        adapt: bool, whether each trial starts its codebooks from the training
            data; see `keras_vq.models.Tokenizer.adapt`. Defaults to False.
        **kwargs: `search`, `seed`, `decay_steps` and arguments of the factory;
            see `keras_vq.tuning.HyperFactory`.
    """

    objective_name = "val_reconstruction_loss"

    def __init__(self, rate_weight=0.05, adapt=False, **kwargs):
        super().__init__(**kwargs)
        self.rate_weight = rate_weight
        self.adapt = adapt

    @property
    def rate_distortion(self):
        """`keras_tuner.Objective`: error and bits per pixel together."""
        return keras_tuner.Objective("val_rate_distortion", "min")

    def fit(self, hp, model, x, *args, callbacks=None, **kwargs):
        """Train the model of one trial; its logs get rate and distortion."""
        if self.adapt:
            # Of a data set that goes on over epochs, the first one.
            steps = kwargs.get("steps_per_epoch")
            first = x.take(steps) if steps else x
            Tokenizer.adapt(model, first, seed=self.seed or 0)
        return model.fit(
            x,
            *args,
            callbacks=[RateDistortion(self.rate_weight), *(callbacks or [])],
            **kwargs,
        )
