import keras_tuner

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
        **kwargs: `search`, `seed`, `decay_steps` and arguments of the factory;
            see `keras_vq.tuning.HyperFactory`.
    """

    objective_name = "val_reconstruction_loss"

    def __init__(self, rate_weight=0.05, **kwargs):
        super().__init__(**kwargs)
        self.rate_weight = rate_weight

    @property
    def rate_distortion(self):
        """`keras_tuner.Objective`: error and bits per pixel together."""
        return keras_tuner.Objective("val_rate_distortion", "min")

    def fit(self, hp, model, *args, callbacks=None, **kwargs):
        """Train the model of one trial; its logs get rate and distortion."""
        return model.fit(
            *args,
            callbacks=[RateDistortion(self.rate_weight), *(callbacks or [])],
            **kwargs,
        )
