"""Ray-cast pictures of scenes, in NumPy.

Many scenes are rendered at once, since a single one has too few rays to
amortize the calls of NumPy: arrays hold the rays of all scenes, one scene after
the other.
"""

import functools
import math

import numpy as np

from keras_vq.data.scenes.captions import caption
from keras_vq.data.scenes.key_points import key_points
from keras_vq.data.scenes.scene import SOLIDS
from keras_vq.data.scenes.scene import TAN_HALF_FOV
from keras_vq.data.scenes.solids import FAR
from keras_vq.data.scenes.solids import Geometry
from keras_vq.data.scenes.solids import intersect
from keras_vq.data.scenes.solids import surface_normal
from keras_vq.data.scenes.windows import rays_by_kind
from keras_vq.data.scenes.windows import shadow_window
from keras_vq.data.scenes.windows import window

SEGMENTS = ("sky", "ground", *SOLIDS)
DEPTH_SCALE = 1000.0  # depth maps are in thousandths of a unit

_SUPERSAMPLING = 2
_RAYS_AT_ONCE = 2**16  # few enough to fit in the CPU cache


def scenes_at_once(size):
    """The number of scenes that `render_scenes` renders fastest."""
    return max(_RAYS_AT_ONCE // (size * _SUPERSAMPLING) ** 2, 1)


def render_scenes(scenes, size):
    """Pictures and maps of scenes.

    Args:
        scenes: list of Scene; `scenes_at_once(size)` of them is the fastest
            number.
        size: int, pixels along each side.

    Returns:
        list of dict, for each scene:
        `image`: uint8 `(size, size, 3)`, antialiased.
        `label`: int, index in `SOLIDS` of the nearest solid.
        `caption`: str, which names the two nearest solids and their colors.
        `segmentation`: uint8 `(size, size, 1)`, indices in `SEGMENTS`.
        `depth`: uint16 `(size, size, 1)`, distance from the camera in
            thousandths of a unit, 0 for the sky.
        `edges`: uint8 `(size, size, 1)`, 255 where a surface ends.
        `key_points`: float32 `(MAX_SOLIDS, 4, 3)`, for each solid, of which the
            first is the nearest, x and y in [0, 1] of the `KEY_POINTS` and
            whether each can be seen; zeros for solids that are not there.
    """
    columns = size * _SUPERSAMPLING
    rays = _rays(scenes, columns)
    distance, surface, normal = _cast(scenes, rays, columns)
    image = _shade(scenes, rays, distance, surface, normal, columns)
    image = _to_pixels(image.reshape(3, -1, columns, columns))
    # Maps are not averaged: they take one ray of each pixel.
    pixel = np.s_[:, ::_SUPERSAMPLING, ::_SUPERSAMPLING]
    distance = distance.reshape(-1, columns, columns)[pixel]
    surface = surface.reshape(-1, columns, columns)[pixel]
    depth = np.minimum(distance * np.float32(DEPTH_SCALE), 65535)
    depth = (depth * (surface > 0)).astype("uint16")
    edges = np.zeros(surface.shape, "uint8")
    edges[..., :-1] |= surface[..., :-1] != surface[..., 1:]
    edges[:, :-1] |= surface[:, :-1] != surface[:, 1:]
    edges *= 255
    kinds = [
        [0, 1, *(2 + SOLIDS.index(s.kind) for s in scene.solids)]
        for scene in scenes
    ]
    return [
        {
            "image": image[b],
            "label": kinds[b][2] - 2,
            "caption": caption(scene),
            "segmentation": np.array(kinds[b], "uint8")[surface[b] // 8, None],
            "depth": depth[b, ..., None],
            "edges": edges[b, ..., None],
            "key_points": key_points(scene, distance[b], surface[b] // 8),
        }
        for b, scene in enumerate(scenes)
    ]


def _cast(scenes, rays, columns):
    """The first surface along each ray: distance, number and normal.

    Surfaces are numbered 8 per object: 0 sky, 8 ground, then a solid's faces.
    """
    rays = rays.reshape(3, -1)
    height = np.array([s.camera[1] for s in scenes], "float32")
    down = rays[1] < -1e-4
    distance = np.full(down.shape, FAR)
    np.divide(-np.repeat(height, columns**2), rays[1], distance, where=down)
    surface = down.astype("uint8") * np.uint8(8)
    normal = np.zeros_like(rays)
    normal[1] = 1

    found = []
    for kind, at, solids, camera, number in rays_by_kind(
        scenes, columns, window, "camera"
    ):
        hit, face = intersect(kind, solids, camera, rays.take(at, axis=1))
        np.minimum.at(distance, at, hit)
        found.append((kind, at, solids, camera, number, hit, face))
    for kind, at, solids, camera, number, hit, face in found:
        first = np.flatnonzero((hit == distance[at]) & (hit < FAR))
        at, face = at[first], face[first]
        surface[at] = number[first] + face
        point = camera[:, first] + hit[first] * rays.take(at, axis=1)
        solids = Geometry(*(field[first] for field in solids))
        normal[:, at] = surface_normal(kind, solids, point, face)
    return distance, surface, normal


def _shade(scenes, rays, distance, surface, normal, columns):
    """Color of each ray, float32 (3, scenes, rays) in [0, 1]."""

    def of_scenes(name):
        """(scenes, ...) to (..., scenes, 1), to broadcast to (scenes, rays)."""
        values = np.array([getattr(s, name) for s in scenes], "float32")
        return np.moveaxis(values, 0, -1)[..., None]

    item = surface.reshape(rays.shape[1:]) // 8
    reach = np.minimum(distance, 100).reshape(item.shape)
    normal = normal.reshape(rays.shape)
    light, camera = of_scenes("light"), of_scenes("camera")
    point = [c + reach * ray for c, ray in zip(camera, rays)]

    diffuse = np.maximum(_dot(light, normal), 0)
    diffuse *= _lit(scenes, point, surface, columns).reshape(item.shape)
    shade = _weighted((0.32, 1), (0.12, normal[1]), (0.7, diffuse))
    shine = _shine([a - b for a, b in zip(light, rays)], normal)
    shine *= (item > 1) & (diffuse > 0)
    haze = 1 - np.exp(reach * reach * np.float32(-1 / 196))
    pattern = _ground_pattern(scenes, point, reach)
    up = np.clip(rays[1] * np.float32(2.5), 0, 1)

    image = np.empty_like(rays)
    for color, solids, (first, second), (horizon, zenith) in zip(
        image,
        _solid_colors(scenes, surface).reshape(rays.shape),
        of_scenes("ground").swapaxes(0, 1),
        of_scenes("sky").swapaxes(0, 1),
    ):
        np.copyto(color, first + pattern * (second - first))
        np.copyto(color, solids, where=item > 1)
        color *= shade
        color += shine
        color += haze * (horizon - color)
        np.copyto(color, horizon + up * (zenith - horizon), where=item == 0)
    return image


def _lit(scenes, point, surface, columns):
    """Whether nothing stands between each point and the light."""
    lit = np.ones(surface.shape, bool)
    for kind, at, solids, light, number in rays_by_kind(
        scenes, columns, shadow_window, "light"
    ):
        start = [p.ravel().take(at) for p in point]
        hit, _ = intersect(kind, solids, start, light)
        # All solids are convex: none shades itself.
        shaded = (hit < FAR) & (surface[at] // 8 != number // 8)
        lit[at[shaded]] = False
    return lit


def _shine(half, normal):
    """The light's reflection; `half` is halfway from the eye to the light."""
    shine = np.maximum(_dot(half, normal) / np.sqrt(_dot(half, half)), 0)
    for _ in range(5):  # to the power of 32
        shine *= shine
    return np.float32(0.35) * shine


def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _weighted(*terms):
    return sum(np.float32(weight) * value for weight, value in terms)


def _solid_colors(scenes, surface):
    """Color (3, rays) of the solid of each ray, arbitrary without one."""
    table = np.zeros((len(scenes), 8, 3), "float32")
    for b, scene in enumerate(scenes):
        table[b, 2 : 2 + len(scene.solids)] = [s.color for s in scene.solids]
    scene = np.arange(0, 8 * len(scenes), 8)[:, None]
    item = scene + surface.reshape(len(scenes), -1) // 8
    return table.reshape(-1, 3).T.take(item, axis=1)


def _ground_pattern(scenes, point, distance):
    """Share of the ground's second color, (scenes, rays) in [0, 1]."""
    wave = np.empty_like(distance)
    pi = math.pi
    for b, s in enumerate(scenes):
        x, z = point[0][b], point[2][b]
        cos = s.pattern_scale * math.cos(s.pattern_angle)
        sin = s.pattern_scale * math.sin(s.pattern_angle)
        u, v = cos * x + sin * z, cos * z - sin * x
        if s.pattern == "checker":
            wave[b] = np.sin(pi * u) * np.sin(pi * v)
        elif s.pattern == "stripes":
            wave[b] = np.sin(pi * u + 0.15 * pi * np.sin(2 * v))
        elif s.pattern == "rings":
            wave[b] = np.sin(1.5 * pi * np.sqrt(u * u + v * v))
        else:
            wave[b] = np.sin(pi * u + np.sin(2.3 * v)) + np.sin(1.7 * v)
            wave[b] *= 0.5
    # A soft edge as wide as a pixel's footprint, which grows with distance;
    # far away the contrast fades.
    square = distance * distance
    wave *= 24 / (1 + np.float32(0.5) * square)
    contrast = np.float32(0.5) / (1 + square * np.float32(1 / 81))
    return np.float32(0.5) + contrast * np.clip(wave, -1, 1)


def _to_pixels(image):
    """Mean over each pixel's rays, as uint8 (scenes, size, size, 3)."""
    n = _SUPERSAMPLING
    image = sum(image[:, :, i::n] for i in range(n))
    image = sum(image[..., i::n] for i in range(n))
    image = np.clip(image * np.float32(255 / n**2) + 0.5, 0, 255)
    return np.ascontiguousarray(np.moveaxis(image.astype("uint8"), 0, -1))


def _rays(scenes, columns):
    """Unit rays through all pixels of all scenes, (3, scenes, rays)."""
    axes = np.array([s.axes for s in scenes], "float32")  # (scenes, 3, 3)
    axes = axes.transpose(2, 0, 1).reshape(-1, 3)
    return (axes @ _directions(columns)).reshape(3, len(scenes), -1)


@functools.cache
def _directions(size):
    """Unit rays through the pixels, in the camera's axes, (3, size * size)."""
    steps = ((np.arange(size) + 0.5) / size * 2 - 1) * TAN_HALF_FOV
    x, y = np.meshgrid(steps, -steps)
    rays = np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
    return (rays / np.linalg.norm(rays, axis=0)).astype("float32")
