import numpy as np
import tensorflow_datasets as tfds
import tqdm
from tensorflow_datasets.core import hashing

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

    VERSION = tfds.core.Version("1.1.0")
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
                    "caption": tfds.features.Text(),
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
            split: self._generate_examples(split, range(count))
            for split, count in NUM_EXAMPLES.items()
        }

    def _generate_examples(self, split, numbers):
        size = int(self.builder_config.name)
        index = list(NUM_EXAMPLES).index(split)
        at_once = renderer.scenes_at_once(size)
        for start in range(0, len(numbers), at_once):
            some = numbers[start : start + at_once]
            scenes = [
                scene.draw_scene(np.random.default_rng((self.SEED, index, i)))
                for i in some
            ]
            yield from zip(some, renderer.render_scenes(scenes, size))

    def part(self, split):
        """The examples that a split names, without preparing the data set.

        Args:
            split: str, in the split syntax of TFDS.

        Returns:
            list of pairs, the name of a split and a list of its examples'
            numbers, in the order of the prepared data set.

        Raises:
            ValueError: If there is no such split.
        """
        infos = {
            name: tfds.core.SplitInfo(
                name=name, shard_lengths=[count], num_bytes=0
            )
            for name, count in NUM_EXAMPLES.items()
        }
        instruction = tfds.core.ReadInstruction.from_spec(split)
        return [
            (part.splitname, self._stored(part.splitname)[part.from_ : part.to])
            for part in instruction.to_absolute(infos)
        ]

    def rendered(self, part, features):
        """Render some examples.

        Args:
            part: What `part` returned.
            features: Names of the features to keep.

        Returns:
            dict, names of features to arrays `(n, ...)`.
        """
        kept: dict[str, list] = {name: [] for name in features}
        for split, numbers in part:
            for _, example in tqdm.tqdm(
                self._generate_examples(split, numbers),
                total=len(numbers),
                desc="Rendering scenes",
                delay=2,
                leave=False,
            ):
                for name in kept:
                    kept[name].append(example[name])
        return {name: np.array(values) for name, values in kept.items()}

    def _stored(self, split):
        """Numbers of a split's examples as TFDS orders them, by their hash."""
        hasher = hashing.Hasher(split)
        return sorted(range(NUM_EXAMPLES[split]), key=hasher.hash_key)
