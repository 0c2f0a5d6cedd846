import colorsys

import numpy as np
import pytest

from keras_vq.data.scenes import renderer
from keras_vq.data.scenes.captions import COLORS
from keras_vq.data.scenes.captions import caption
from keras_vq.data.scenes.key_points import KEY_POINTS
from keras_vq.data.scenes.renderer import render_scenes
from keras_vq.data.scenes.scene import PATTERNS
from keras_vq.data.scenes.scene import SOLIDS
from keras_vq.data.scenes.scene import Solid
from keras_vq.data.scenes.scene import draw_scene
from keras_vq.data.scenes.solids import Geometry
from keras_vq.data.scenes.solids import intersect
from keras_vq.data.scenes.solids import surface_normal


def scene(seed):
    return draw_scene(np.random.default_rng(seed))


def render_scene(scene, size):
    return render_scenes([scene], size)[0]


@pytest.mark.parametrize("size", [32, 64])
def test_shapes_and_dtypes(size):
    example = render_scene(scene(0), size)
    shapes = {name: np.shape(value) for name, value in example.items()}
    assert shapes == {
        "image": (size, size, 3),
        "label": (),
        "caption": (),
        "segmentation": (size, size, 1),
        "depth": (size, size, 1),
        "edges": (size, size, 1),
        "key_points": (4, 4, 3),
    }
    assert example["image"].dtype == np.uint8
    assert example["depth"].dtype == np.uint16


def test_two_to_four_solids_of_all_kinds_on_a_ground_under_a_sky():
    scenes = [scene(seed) for seed in range(60)]
    assert {len(s.solids) for s in scenes} == {2, 3, 4}
    kinds = [solid.kind for s in scenes for solid in s.solids]
    assert set(kinds) == set(SOLIDS)
    assert {s.pattern for s in scenes} == set(PATTERNS)
    for s in scenes[:20]:
        example = render_scene(s, 32)
        label = SOLIDS[example["label"]]
        assert label == s.solids[0].kind
        assert {0, 1} <= set(np.unique(example["segmentation"]))
        assert 2 + example["label"] in example["segmentation"]


def test_captions_name_the_two_nearest_solids():
    for seed in range(20):
        s = scene(seed)
        words = caption(s).split()
        assert words[2::6] == [solid.kind for solid in s.solids[:2]]
        for word, solid in zip(words[1::6], s.solids):
            hue = COLORS.index(word) / len(COLORS)
            nearest = np.array(colorsys.hsv_to_rgb(hue, 1, 1))
            others = [colorsys.hsv_to_rgb(i / 6, 1, 1) for i in range(6)]
            away = np.abs(np.array(others) - _saturated(solid.color)).sum(1)
            found = np.abs(nearest - _saturated(solid.color)).sum()
            assert found == pytest.approx(away.min())


def _saturated(color):
    return colorsys.hsv_to_rgb(colorsys.rgb_to_hsv(*color)[0], 1, 1)


def test_deterministic_and_the_same_scene_at_every_size():
    small, again = (render_scene(scene(3), 32) for _ in range(2))
    for name, value in small.items():
        np.testing.assert_array_equal(value, again[name])
    large = render_scene(scene(3), 128)
    shrunk = large["image"].reshape(32, 4, 32, 4, 3).mean((1, 3))
    assert np.abs(shrunk - small["image"]).mean() < 3
    np.testing.assert_allclose(
        small["key_points"][..., :2], large["key_points"][..., :2]
    )


def test_pictures_are_antialiased():
    """A pixel across an edge is a mix of both sides, not one of them."""
    example = render_scene(scene(1), 32)
    fine = render_scene(scene(1), 256)["image"].reshape(32, 8, 32, 8, 3)
    error = np.abs(fine.mean((1, 3)) - example["image"])
    aliased = np.abs(fine[:, 4, :, 4] - example["image"].astype(float))
    edge = example["edges"][..., 0] > 0
    assert error[edge].mean() < 0.6 * aliased[edge].mean()


def test_windows_contain_their_solids(monkeypatch):
    """Casting rays in windows alone gives the same picture as everywhere."""
    scenes = [scene(seed) for seed in range(30)]
    found = [render_scene(s, 32) for s in scenes]
    everywhere = slice(None), slice(None)
    monkeypatch.setattr(renderer, "window", lambda *_: everywhere)
    monkeypatch.setattr(renderer, "shadow_window", lambda *_: everywhere)
    for s, example in zip(scenes, found, strict=True):
        for name, expected in render_scene(s, 32).items():
            np.testing.assert_array_equal(example[name], expected)


def test_scenes_rendered_together_are_those_rendered_alone():
    scenes = [scene(seed) for seed in range(5)]
    for s, example in zip(scenes, render_scenes(scenes, 32), strict=True):
        for name, expected in render_scene(s, 32).items():
            np.testing.assert_array_equal(example[name], expected)


@pytest.mark.parametrize("kind", SOLIDS)
def test_a_ray_hits_the_surface_of_the_solid(rng, kind):
    solid = Solid(kind, (0.3, 0.2), 0.5, 1.0, 0.4, np.ones(3))
    origin = np.array([0.1, 1.7, -4.0], "float32")
    target = rng.normal(scale=0.3, size=(3, 500)) + [[0.3], [0.4], [0.2]]
    ray = target - origin[:, None]
    ray = (ray / np.linalg.norm(ray, axis=0)).astype("float32")
    numbers = np.array(Geometry.of(solid), "float32")[:, None]
    geometry = Geometry(*np.repeat(numbers, 500, axis=1))
    t, face = intersect(kind, geometry, origin, ray)
    hit = t < 1e6
    assert 0.5 < hit.mean() < 1
    x, y, z = (origin[:, None] + t * ray)[:, hit].astype("float64")
    x, z = x - 0.3, z - 0.2
    if kind == "sphere":
        outside = np.sqrt(x**2 + (y - 0.5) ** 2 + z**2) - 0.5
    elif kind == "box":
        c, s = np.cos(0.4), np.sin(0.4)
        sides = np.stack([c * x + s * z, c * z - s * x])
        outside = np.maximum(np.abs(sides).max(0) - 0.5, np.abs(y - 0.5) - 0.5)
    else:
        slope = 0.5 if kind == "cone" else 0.0
        radius = 0.5 - slope * np.clip(y, 0, 1)
        outside = np.maximum(np.hypot(x, z) - radius, np.abs(y - 0.5) - 0.5)
    np.testing.assert_allclose(outside, 0, atol=2e-3)
    geometry = Geometry(*(field[hit] for field in geometry))
    point = (origin[:, None] + t * ray)[:, hit]
    normal = surface_normal(kind, geometry, point, face[hit])
    np.testing.assert_allclose(np.linalg.norm(normal, axis=0), 1, atol=1e-3)
    assert np.all(np.sum(normal * ray[:, hit], axis=0) < 0.05)


def test_depth_is_the_distance_to_the_ground_below_the_camera():
    s = scene(5)
    example = render_scene(s, 64)
    ground = example["segmentation"][..., 0] == 1
    rays = renderer._rays([s], 128).reshape(3, 128, 128)
    expected = -s.camera[1] / rays[1][::2, ::2]
    depth = example["depth"][..., 0] / renderer.DEPTH_SCALE
    near = ground & (expected < 60)
    np.testing.assert_allclose(depth[near], expected[near], atol=2e-3)
    assert np.all(example["depth"][example["segmentation"] == 0] == 0)


def test_key_points_lie_on_their_solids():
    for seed in range(10):
        s = scene(seed)
        example = render_scene(s, 128)
        points = example["key_points"]
        assert np.all(points[len(s.solids) :] == 0)
        # The nearest solid hides its base: the point is seen through it.
        base = points[0, KEY_POINTS.index("base")]
        if base[2]:
            column, row = (base[:2] * 128).astype(int)
            around = example["segmentation"][row - 3 : row + 4, column, 0]
            assert 2 + SOLIDS.index(s.solids[0].kind) in around
        top = points[0, KEY_POINTS.index("top")]
        assert top[1] < base[1]


def test_edges_are_where_neighbours_differ():
    example = render_scene(scene(2), 64)
    segments = example["segmentation"][..., 0]
    edges = example["edges"][..., 0] > 0
    assert np.all(edges[:, :-1][segments[:, :-1] != segments[:, 1:]])
    assert 0.02 < edges.mean() < 0.3
