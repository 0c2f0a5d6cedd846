"""Ray-cast pictures of scenes, in NumPy."""

import functools
import math

import numpy as np

from keras_vq.data.scenes.scene import MAX_SOLIDS
from keras_vq.data.scenes.scene import SOLIDS
from keras_vq.data.scenes.solids import FAR
from keras_vq.data.scenes.solids import intersect
from keras_vq.data.scenes.solids import surface_normal

SEGMENTS = ("sky", "ground", *SOLIDS)
KEY_POINTS = ("base", "top", "left", "right")
DEPTH_SCALE = 1000.0  # depth maps are in thousandths of a unit

_SUPERSAMPLING = 2
_TAN_HALF_FOV = 0.55


def render_scene(scene, size):
    """Picture and maps of a scene.

    Args:
        scene: Scene.
        size: int, pixels along each side.

    Returns:
        dict:
        `image`: uint8 `(size, size, 3)`, antialiased.
        `label`: int, index in `SOLIDS` of the nearest solid.
        `segmentation`: uint8 `(size, size, 1)`, indices in `SEGMENTS`.
        `depth`: uint16 `(size, size, 1)`, distance from the camera in
            thousandths of a unit, 0 for the sky.
        `edges`: uint8 `(size, size, 1)`, 255 where a surface ends.
        `key_points`: float32 `(MAX_SOLIDS, 4, 3)`, for each solid, nearest
            first, x and y in [0, 1] and whether it can be seen, of the
            `KEY_POINTS`; zeros for solids that are not there.
    """
    columns = size * _SUPERSAMPLING
    rays = scene.axes.T.astype("float32") @ _directions(columns)
    rays = rays.reshape(3, columns, columns)
    distance, surface = _cast(scene, rays)
    image = _shade(scene, rays, distance, surface)
    # Maps have no averages: they take one ray of each pixel.
    pixel = np.s_[::_SUPERSAMPLING, ::_SUPERSAMPLING]
    distance, surface = distance[pixel], surface[pixel]
    kinds = [0, 1] + [2 + SOLIDS.index(s.kind) for s in scene.solids]
    segmentation = np.array(kinds, "uint8")[surface // 8]
    depth = np.where(surface == 0, 0, np.minimum(distance * DEPTH_SCALE, 65535))
    edges = np.zeros((size, size), bool)
    edges[:, :-1] |= surface[:, :-1] != surface[:, 1:]
    edges[:-1] |= surface[:-1] != surface[1:]
    return {
        "image": image,
        "label": SOLIDS.index(scene.solids[0].kind),
        "segmentation": segmentation[..., None],
        "depth": depth.astype("uint16")[..., None],
        "edges": np.where(edges, 255, 0).astype("uint8")[..., None],
        "key_points": _key_points(scene, distance, surface),
    }


def _cast(scene, rays):
    """Distance along each ray to the first surface, and which one it is.

    Surfaces are numbered 8 per object: 0 sky, 8 ground, then a solid's faces.
    """
    origin = scene.camera.astype("float32")
    down = np.minimum(rays[1], np.float32(-1e-4))
    below = rays[1] < -1e-4
    distance = np.where(below, -origin[1] / down, FAR)
    surface = np.where(below, np.uint8(8), np.uint8(0))
    for i, solid in enumerate(scene.solids):
        window = _window(scene, solid, rays.shape[-1])
        hit, face = intersect(solid, origin, rays[(slice(None), *window)])
        nearer = hit < distance[window]
        distance[window] = np.where(nearer, hit, distance[window])
        surface[window] = np.where(nearer, 16 + 8 * i + face, surface[window])
    return distance, surface


def _shade(scene, rays, distance, surface):
    # Rows above the first surface show nothing but the sky.
    first = int(surface.any(axis=1).argmax())
    below = np.s_[first:]
    ray = rays[:, below].reshape(3, -1)
    distance = np.minimum(distance[below].ravel(), 100)
    surface = surface[below].ravel()
    camera = scene.camera.astype("float32")[:, None]
    point = camera + distance * ray  # (3, rays)
    item = surface // 8

    colour = _ground_colour(scene, point, distance)
    normal = np.zeros_like(point)
    normal[1] = 1
    for i, solid in enumerate(scene.solids):
        mine = np.flatnonzero(item == i + 2)
        colour[:, mine] = solid.colour[:, None]
        normal[:, mine] = surface_normal(
            solid, point[:, mine], surface[mine] % 8
        )

    light = scene.light.astype("float32")
    diffuse = np.maximum(light @ normal, 0)
    start = point + np.float32(1e-3) * normal
    for solid in scene.solids:
        near = np.flatnonzero(_may_be_shaded(solid, start, light))
        hit, _ = intersect(solid, start[:, near], light)
        diffuse[near] *= hit >= FAR
    shaded = colour * (0.32 + 0.12 * normal[1] + 0.7 * diffuse)
    shiny = np.flatnonzero((item > 1) & (diffuse > 0))
    half = light[:, None] - ray[:, shiny]
    length = np.sqrt(np.sum(half * half, axis=0))
    shine = np.sum(half * normal[:, shiny], axis=0) / length
    shaded[:, shiny] += 0.35 * np.maximum(shine, 0) ** 32
    haze = 1 - np.exp(np.square(distance) * np.float32(-1 / 196))
    horizon, zenith = scene.sky.astype("float32")[..., None, None]
    shaded += haze * (horizon[:, 0] - shaded)

    up = np.clip(rays[1] * 2.5, 0, 1)
    image = horizon + up * (zenith - horizon)
    sky = surface == 0
    np.copyto(shaded, image[:, below].reshape(3, -1), where=sky)
    image[:, below] = shaded.reshape(image[:, below].shape)
    return _to_pixels(image)


def _to_pixels(image):
    """Mean over each pixel's rays, as uint8 (size, size, 3)."""
    n = _SUPERSAMPLING
    image = sum(image[:, i::n, j::n] for i in range(n) for j in range(n))
    image = np.clip(image * np.float32(255 / n**2) + 0.5, 0, 255)
    return np.ascontiguousarray(np.moveaxis(image.astype("uint8"), 0, -1))


def _may_be_shaded(solid, point, light):
    """Whether a line from `point` to the light passes close to a solid."""
    along = np.hypot(light[0], light[2])
    u, w = light[0] / along, light[2] / along
    x, z = map(np.float32, solid.position)
    dx, dz = x - point[0], z - point[2]
    reach = np.float32(solid.radius * 1.45)
    ahead = u * dx + w * dz
    shadow = reach + np.float32(solid.height) * along / light[1]
    beside = np.abs(u * dz - w * dx) < reach
    return beside & (ahead > -reach) & (ahead < shadow)


def _ground_colour(scene, point, distance):
    c, s = np.cos(scene.pattern_angle), np.sin(scene.pattern_angle)
    scale = scene.pattern_scale
    u = np.float32(c * scale) * point[0] + np.float32(s * scale) * point[2]
    v = np.float32(c * scale) * point[2] - np.float32(s * scale) * point[0]
    pi = np.float32(np.pi)
    if scene.pattern == "checker":
        wave = np.sin(pi * u) * np.sin(pi * v)
    elif scene.pattern == "stripes":
        wave = np.sin(pi * (u + np.float32(0.15) * np.sin(2 * v)))
    elif scene.pattern == "rings":
        wave = np.sin(pi * np.float32(1.5) * np.sqrt(u * u + v * v))
    else:
        wave = np.sin(pi * u + np.sin(np.float32(2.3) * v))
        wave = np.float32(0.5) * (wave + np.sin(np.float32(1.7) * v))
    # A soft edge as wide as a pixel's footprint, which grows with distance;
    # far away the contrast fades.
    square = distance * distance
    wave *= 24 / (1 + np.float32(0.5) * square)
    contrast = 0.5 / (1 + square * np.float32(1 / 81))
    mix = 0.5 + contrast * np.clip(wave, -1, 1)
    first, second = scene.ground.astype("float32")[..., None]
    return first + mix * (second - first)


def _key_points(scene, distance, surface):
    count, size = len(scene.solids), len(distance)
    points = np.zeros((count, len(KEY_POINTS), 3))
    for i, solid in enumerate(scene.solids):
        base = np.array([solid.position[0], 0, solid.position[1]])
        middle = base + [0, solid.height / 2, 0]
        reach = solid.radius * (0.5 if solid.kind == "cone" else 1.0)
        reach = reach * scene.axes[0]
        top = base + [0, solid.height, 0]
        points[i] = base, top, middle - reach, middle + reach
    offset = (points - scene.camera).reshape(-1, 3)
    x, y, z = scene.axes @ offset.T
    x = 0.5 + 0.5 * x / (z * _TAN_HALF_FOV)
    y = 0.5 - 0.5 * y / (z * _TAN_HALF_FOV)
    # Seen, if nothing but the solid itself is before the point.
    inside = (x >= 0) & (x < 1) & (y >= 0) & (y < 1)
    row, column = (np.clip(v * size, 0, size - 1).astype(int) for v in (y, x))
    owner = 2 + np.repeat(np.arange(count), len(KEY_POINTS))
    free = distance[row, column] > np.sqrt(np.sum(offset * offset, axis=-1))
    seen = inside & (free | (surface[row, column] // 8 == owner))
    found = np.zeros((MAX_SOLIDS, len(KEY_POINTS), 3), "float32")
    found[:count] = np.stack([x, y, seen], axis=-1).reshape(points.shape)
    return found


def _window(scene, solid, columns):
    """Rows and columns that a solid's bounding sphere can cover."""
    radius = solid.radius
    if solid.kind != "sphere":
        wide = radius * (2**0.5 if solid.kind == "box" else 1)
        radius = math.hypot(wide, solid.height / 2)
    centre = np.array([solid.position[0], solid.height / 2, solid.position[1]])
    x, y, z = (scene.axes @ (centre - scene.camera)).tolist()
    scale = 0.5 * columns / _TAN_HALF_FOV
    # A sphere's outline is an ellipse, longest away from the picture's centre.
    reach = scale * radius / math.sqrt(max(z * z - radius * radius, 0.04))
    reach *= math.hypot(1, math.hypot(x, y) / z)
    column, row = 0.5 * columns + scale * x / z, 0.5 * columns - scale * y / z

    def span(middle):
        low, high = int(middle - reach) - 1, int(middle + reach) + 2
        return slice(max(low, 0), max(min(high, columns), 0))

    return span(row), span(column)


@functools.cache
def _directions(size):
    """Unit rays through the pixels, in the camera's axes, (3, size * size)."""
    steps = ((np.arange(size) + 0.5) / size * 2 - 1) * _TAN_HALF_FOV
    x, y = np.meshgrid(steps, -steps)
    rays = np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
    return (rays / np.linalg.norm(rays, axis=0)).astype("float32")
