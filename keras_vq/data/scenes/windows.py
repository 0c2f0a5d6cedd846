"""Windows of the picture that contain a solid, or its shadow."""

import math

import numpy as np

from keras_vq.data.scenes.key_points import from_camera
from keras_vq.data.scenes.scene import SOLIDS
from keras_vq.data.scenes.scene import TAN_HALF_FOV
from keras_vq.data.scenes.solids import Geometry


def rays_by_kind(scenes, columns, find, vector):
    """For each kind of solid, the rays that may hit one, and its geometry.

    Args:
        find: Function, `(scene, solid, columns)` to the rows and columns that
            may show the solid.
        vector: Name of a vector of the scenes to yield too.

    Yields:
        `kind`; `at`, int `(rays,)`, indices of rays; and, of each of those
        rays, the `Geometry` of the solid, the vector `(3, rays)` and the
        number of the solid's first surface, uint8 `(rays,)`.
    """
    grid = np.arange(columns**2).reshape(columns, columns)
    for kind in SOLIDS:
        at, numbers = [], []
        for b, scene in enumerate(scenes):
            for i, solid in enumerate(scene.solids):
                if solid.kind == kind:
                    rays = grid[find(scene, solid, columns)].ravel()
                    at.append(rays + b * columns**2)
                    numbers.append(
                        (
                            *Geometry.of(solid),
                            *getattr(scene, vector),
                            16 + 8 * i,
                        )
                    )
        if at:
            counts = [len(rays) for rays in at]
            table = np.repeat(np.array(numbers, "float32").T, counts, axis=1)
            yield (
                kind,
                np.concatenate(at),
                Geometry(*table[:-4]),
                table[-4:-1],
                table[-1].astype("uint8"),
            )


def window(scene, solid, columns):
    """Rows and columns that a solid can cover."""
    return _around(scene, [_centre(solid)], _bounding_radius(solid), columns)


def shadow_window(scene, solid, columns):
    """Rows and columns that a solid or its shadow can cover."""
    centre, radius = _centre(solid), _bounding_radius(solid)
    light = scene.light.tolist()
    # The shadow ends where the bounding sphere sinks into the ground.
    length = (centre[1] + radius) / light[1]
    end = tuple(a - length * b for a, b in zip(centre, light))
    return _around(scene, [centre, end], radius, columns)


def _centre(solid):
    x, z = solid.position
    return x, solid.height / 2, z


def _bounding_radius(solid):
    if solid.kind == "sphere":
        return solid.radius
    wide = solid.radius * (2**0.5 if solid.kind == "box" else 1)
    return math.hypot(wide, solid.height / 2)


def _around(scene, centres, radius, columns):
    """Rows and columns that spheres, and what is between them, can cover."""
    scale = 0.5 * columns / TAN_HALF_FOV
    rows, across = [], []
    for centre in centres:
        x, y, z = from_camera(scene, centre)
        # A sphere's outline is an ellipse, longest away from the middle.
        reach = scale * radius / math.sqrt(max(z * z - radius * radius, 0.04))
        reach *= math.hypot(1, math.hypot(x, y) / z)
        row, column = (
            0.5 * columns - scale * y / z,
            0.5 * columns + scale * x / z,
        )
        rows += [row - reach, row + reach]
        across += [column - reach, column + reach]

    def span(places):
        low, high = int(min(places)) - 1, int(max(places)) + 2
        return slice(max(low, 0), max(min(high, columns), 0))

    return span(rows), span(across)
