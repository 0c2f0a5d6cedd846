"""Key points of a scene, projected to its picture."""

import math

import numpy as np

from keras_vq.data.scenes.scene import MAX_SOLIDS
from keras_vq.data.scenes.scene import TAN_HALF_FOV

KEY_POINTS = ("base", "top", "left", "right")


def key_points(scene, distance, item):
    """Position and visibility of the key points of each solid.

    Args:
        scene: Scene.
        distance: float array `(size, size)`, distance to what each pixel shows.
        item: int array `(size, size)`, 2 and more for the scene's solids.

    Returns:
        float32 array `(MAX_SOLIDS, 4, 3)`, x and y in [0, 1] and whether the
        point can be seen; zeros for solids that are not there.
    """
    size = len(distance)
    found = np.zeros((MAX_SOLIDS, len(KEY_POINTS), 3), "float32")
    for i, solid in enumerate(scene.solids):
        for j, point in enumerate(_points(scene, solid)):
            right, up, ahead = from_camera(scene, point)
            x = 0.5 + 0.5 * right / (ahead * TAN_HALF_FOV)
            y = 0.5 - 0.5 * up / (ahead * TAN_HALF_FOV)
            seen = False
            if 0 <= x < 1 and 0 <= y < 1:
                pixel = int(y * size), int(x * size)
                # Nothing but the solid itself is in front of the point.
                free = distance[pixel] > math.hypot(right, up, ahead)
                seen = free or item[pixel] == i + 2
            found[i, j] = x, y, seen
    return found


def _points(scene, solid):
    x, z = solid.position
    reach = solid.radius * (0.5 if solid.kind == "cone" else 1.0)
    across, _, along = (reach * a for a in scene.axes[0].tolist())
    middle = solid.height / 2
    yield x, 0.0, z
    yield x, solid.height, z
    yield x - across, middle, z - along
    yield x + across, middle, z + along


def from_camera(scene, point):
    """A point in the camera's axes: right, up and forward."""
    x, y, z = map(float.__sub__, point, scene.camera.tolist())
    return [a * x + b * y + c * z for a, b, c in scene.axes.tolist()]
