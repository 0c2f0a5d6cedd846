"""Captions: what a scene shows, in words."""

import colorsys

# Names of hues, evenly spread from red to red.
COLORS = ("red", "yellow", "green", "cyan", "blue", "magenta")
# Articles, names and words of the longest caption.
MAX_CAPTION_LENGTH = len("a magenta cylinder in front of a magenta cylinder")


def color_name(color):
    """The name of the nearest hue.

    Args:
        color: array `(3,)`, RGB in [0, 1].

    Returns:
        str, one of `COLORS`.
    """
    hue = colorsys.rgb_to_hsv(*color)[0]
    return COLORS[round(hue * len(COLORS)) % len(COLORS)]


def caption(scene):
    """Name the two nearest solids of a scene and their colors.

    Args:
        scene: Scene.

    Returns:
        str, such as "a red cone in front of a blue sphere".
    """
    nearest, behind = (
        f"a {color_name(solid.color)} {solid.kind}"
        for solid in scene.solids[:2]
    )
    return f"{nearest} in front of {behind}"
