import numpy as np
import tensorflow_datasets as tfds

from keras_vq.data.scenes import renderer
from keras_vq.data.scenes import scene
from keras_vq.data.scenes.key_points import KEY_POINTS

SIZES = (32, 64, 128, 256)
NUM_EXAMPLES = {"train": 10_000, "test": 1_000}


class Scenes(tfds.core.GeneratorBasedBuilder):
    """Pictures of 2 to 4 solids on a textured ground, rendered locally.

    No download: example `i` of a split is drawn from the random generator with
    the seed `(seed, split, i)`, and is the same scene at every size.

    Configurations: `scenes/32` (the default), `scenes/64`, `scenes/128` and
    `scenes/256`, by the pixels along each side. Splits: `train` (10,000) and
    `test` (1,000). Features: see `renderer.render_scenes`.
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=str(size), description=f"{size} pixels")
        for size in SIZES
    ]
    DEFAULT_CONFIG_NAME = str(SIZES[0])
    SEED = 0

    def _info(self):
        size = int(self.builder_config.name)

        def one_channel(dtype):
            return tfds.features.Image(shape=(size, size, 1), dtype=dtype)

        key_points = (
            scene.MAX_SOLIDS,
            len(KEY_POINTS),
            3,
        )
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(size, size, 3)),
                    "label": tfds.features.ClassLabel(names=scene.SOLIDS),
                    "segmentation": one_channel(np.uint8),
                    "depth": one_channel(np.uint16),
                    "edges": one_channel(np.uint8),
                    "key_points": tfds.features.Tensor(
                        shape=key_points, dtype=np.float32
                    ),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {
            split: self._generate_examples(i, count)
            for i, (split, count) in enumerate(NUM_EXAMPLES.items())
        }

    def _generate_examples(self, split, count):
        size = int(self.builder_config.name)
        at_once = renderer.scenes_at_once(size)
        for start in range(0, count, at_once):
            numbers = range(start, min(start + at_once, count))
            scenes = [
                scene.draw_scene(np.random.default_rng((self.SEED, split, i)))
                for i in numbers
            ]
            yield from zip(numbers, renderer.render_scenes(scenes, size))
