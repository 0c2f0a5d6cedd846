"""Intersect rays with solids of one kind, and compute surface normals.

Everything is an array over rays: points and rays are triples of x, y and z,
and each ray is intersected with one solid.
"""

from typing import NamedTuple

import numpy as np

# The distance along a ray that hits nothing.
FAR = np.float32(1e9)

_TINY = np.float32(1e-20)  # keeps a ray along a wall from dividing by zero


class Geometry(NamedTuple):
    """Position and size of the solid of each ray; arrays (rays,)."""

    x: np.ndarray
    z: np.ndarray
    radius: np.ndarray
    height: np.ndarray
    cos: np.ndarray
    sin: np.ndarray

    @staticmethod
    def of(solid):
        """The numbers of one solid, in the order of the fields."""
        return (
            *solid.position,
            solid.radius,
            solid.height,
            np.cos(solid.yaw),
            np.sin(solid.yaw),
        )


def intersect(kind, solids, origin, ray):
    """Distance from `origin` along `ray` to a solid, and the face that it hits.

    Returns:
        float32 `(rays,)`, `FAR` where nothing is hit, and uint8 `(rays,)`.
    """
    x, y, z = origin
    return _INTERSECT[kind](solids, (x - solids.x, y, z - solids.z), ray)


def _sphere(solids, origin, ray):
    ox, oy, oz = origin
    hit, _ = _roots((ox, oy - solids.radius, oz), ray, 1, solids.radius)
    return _if(hit > 0, hit), np.zeros(hit.shape, "uint8")


def _cone(solids, origin, ray):
    # x² + z² = (radius - slope * y)²: a sphere of radius zero but for a sign.
    ox, oy, oz = origin
    dx, dy, dz = ray
    slope = solids.radius / solids.height
    start, along = (ox, solids.radius - slope * oy, oz), (dx, -slope * dy, dz)
    near, far = (
        _if((t > 0) & _between(oy + t * dy, solids.height), t)
        for t in _roots(start, along, -1, 0)
    )
    return np.minimum(near, far), np.zeros(near.shape, "uint8")


def _cylinder(solids, origin, ray):
    ox, oy, oz = origin
    dx, dy, dz = ray
    side, _ = _roots(origin, ray, 0, solids.radius)
    side = _if((side > 0) & _between(oy + side * dy, solids.height), side)
    top = (solids.height - oy) / (dy + _TINY)
    x, z = ox + top * dx, oz + top * dz
    top = _if((top > 0) & (x * x + z * z < solids.radius**2), top)
    return np.minimum(side, top), (top >= side).astype("uint8")


def _box(solids, origin, ray):
    ox, oy, oz = origin
    dx, dy, dz = ray
    cos, sin = solids.cos, solids.sin
    radius, half = solids.radius, solids.height / 2
    near_x, far_x = _slab(cos * ox + sin * oz, cos * dx + sin * dz, radius)
    near_y, far_y = _slab(oy - half, dy, half)
    near_z, far_z = _slab(cos * oz - sin * ox, cos * dz - sin * dx, radius)
    enter = np.maximum(np.maximum(near_x, near_y), near_z)
    leave = np.minimum(np.minimum(far_x, far_y), far_z)
    # 0 for the top, 1 and 2 for the sides across x and across z.
    face = (enter != near_y) * (1 + (enter != near_x).astype("uint8"))
    return _if((enter < leave) & (enter > 0), enter), face


_INTERSECT = {
    "sphere": _sphere,
    "box": _box,
    "cylinder": _cylinder,
    "cone": _cone,
}


def _roots(origin, ray, sign, radius):
    """Solve x² + sign y² + z² = radius² along rays.

    Returns:
        Both roots, NaN where there is none, which compares as false. The first
        root is the nearer one if that form is positive for the ray.
    """
    ox, oy, oz = origin
    dx, dy, dz = ray
    a = dx * dx + dz * dz + _TINY
    b = ox * dx + oz * dz
    c = ox * ox + oz * oz - radius * radius
    if sign:
        a = a + sign * dy * dy
        b = b + sign * oy * dy
        c = c + sign * oy * oy
    with np.errstate(invalid="ignore"):
        root = np.sqrt(b * b - a * c)
    return (-b - root) / a, (-b + root) / a


def _between(y, height):
    return (y > 0) & (y < height)


def _slab(origin, ray, half):
    """Where a ray enters and leaves the space |x| < half."""
    inverse = 1 / (ray + _TINY)
    middle, reach = -origin * inverse, half * np.abs(inverse)
    return middle - reach, middle + reach


def _if(good, t):
    return np.where(good, t, FAR)


def surface_normal(kind, solids, point, face):
    """Unit normals (3, rays) of solids at points of their surfaces."""
    x, y, z = point[0] - solids.x, point[1], point[2] - solids.z
    if kind == "sphere":
        return np.stack([x, y - solids.radius, z]) / solids.radius
    if kind == "box":
        cos, sin = solids.cos, solids.sin
        u = np.sign(cos * x + sin * z) * (face == 1)
        v = np.sign(cos * z - sin * x) * (face == 2)
        return np.stack([cos * u - sin * v, face == 0, sin * u + cos * v])
    length = np.maximum(np.hypot(x, z), 1e-6)
    if kind == "cone":
        slope = solids.radius / solids.height
        scale = 1 / np.sqrt(1 + slope * slope)
        return np.stack([x / length, slope, z / length]) * scale
    side = face / length
    return np.stack([x * side, face == 0, z * side])
