"""Where rays meet the solids, and how the surface stands there."""

import numpy as np

# The distance along a ray that meets nothing.
FAR = np.float32(1e9)


def intersect(solid, origin, ray):
    """Distance from `origin` along `ray` to a solid, and the face that it hits.

    Either argument is three numbers or three arrays.
    """
    x, z = map(np.float32, solid.position)
    ox, oy, oz = origin[0] - x, origin[1], origin[2] - z
    dx, dy, dz = ray
    r, h = np.float32(solid.radius), np.float32(solid.height)
    if solid.kind == "sphere":
        oy = oy - r
        b = ox * dx + oy * dy + oz * dz
        root = b * b - (ox * ox + oy * oy + oz * oz - r * r)
        t = -b - np.sqrt(np.maximum(root, 0))
        return np.where((root > 0) & (t > 0), t, FAR), np.uint8(0)
    if solid.kind == "box":
        c, s = np.float32(np.cos(solid.yaw)), np.float32(np.sin(solid.yaw))
        near, far = _slab(c * ox + s * oz, c * dx + s * dz, r)
        near_z, far_z = _slab(c * oz - s * ox, c * dz - s * dx, r)
        near_y, far_y = _slab(oy - h / 2, dy, h / 2)
        enter = np.maximum(np.maximum(near, near_z), near_y)
        leave = np.minimum(np.minimum(far, far_z), far_y)
        face = np.where(enter == near_y, 0, np.where(enter == near, 1, 2))
        hit = np.where((enter < leave) & (enter > 0), enter, FAR)
        return hit, face.astype("uint8")
    # Cylinder and cone: |(x, z)| = r - slope * y around the axis.
    slope = r / h if solid.kind == "cone" else np.float32(0)
    wide = r - slope * oy
    a = dx * dx + dz * dz - slope * slope * dy * dy
    b = ox * dx + oz * dz + slope * dy * wide
    root = b * b - a * (ox * ox + oz * oz - wide * wide)
    a = np.where(np.abs(a) < 1e-6, np.float32(1e-6), a)
    root_sqrt = np.sqrt(np.maximum(root, 0))
    t = FAR
    for sign in (-1, 1):
        side = (-b + sign * root_sqrt) / a
        y = oy + side * dy
        good = (root > 0) & (side > 0) & (y > 0) & (y < h)
        t = np.minimum(t, np.where(good, side, FAR))
    if solid.kind == "cone":
        return t, np.uint8(0)
    top = (h - oy) / np.where(np.abs(dy) < 1e-6, np.float32(1e-6), dy)
    x, z = ox + top * dx, oz + top * dz
    good = (top > 0) & (x * x + z * z < r * r)
    top = np.where(good, top, FAR)
    return np.minimum(t, top), (top >= t).astype("uint8")


def _slab(origin, ray, half):
    """Where a ray enters and leaves the space |x| < half."""
    inverse = 1 / np.where(np.abs(ray) < 1e-6, np.float32(1e-6), ray)
    middle, reach = -origin * inverse, half * np.abs(inverse)
    return middle - reach, middle + reach


def surface_normal(solid, point, face):
    """Unit normals (3, points) of a solid at points of its surface."""
    x, z = point[0] - solid.position[0], point[2] - solid.position[1]
    zero = np.zeros_like(x)
    if solid.kind == "sphere":
        return np.stack([x, point[1] - solid.radius, z]) / solid.radius
    if solid.kind == "box":
        c, s = float(np.cos(solid.yaw)), float(np.sin(solid.yaw))
        u, v = np.sign(c * x + s * z), np.sign(c * z - s * x)
        first = face == 1
        side = [
            np.where(first, c * u, -s * v),
            zero,
            np.where(first, s * u, c * v),
        ]
    else:
        length = np.maximum(np.hypot(x, z), 1e-6)
        slope = solid.radius / solid.height if solid.kind == "cone" else 0.0
        scale = 1 / (length * (1 + slope * slope) ** 0.5)
        side = [x * scale, zero + slope / (1 + slope * slope) ** 0.5, z * scale]
        if solid.kind == "cone":
            return np.stack(side)
    top = face == 0
    return np.stack([np.where(top, up, n) for up, n in zip((0, 1, 0), side)])
