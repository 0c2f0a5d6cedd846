"""The delay pattern: each code of a position one step after the one before.

```
position   0  1  2  3  4         codes of times 0 to 2, in 3 stages;
stage 0    0  1  2  .  .         dots are padding
stage 1    .  0  1  2  .
stage 2    .  .  0  1  2
```

Copet et al., Simple and Controllable Music Generation, 2023, section 2.2.
"""

from keras import ops


def delayed(x, fill):
    """Arrange the codes of each time diagonally.

    Args:
        x: tensor `(batch, time, stages)`.
        fill: Value of the padding.

    Returns:
        tensor `(batch, time + stages - 1, stages)`.
    """
    last = x.shape[2] - 1
    rows = [
        ops.pad(
            x[:, :, stage],
            [(0, 0), (stage, last - stage)],
            constant_values=fill,
        )
        for stage in range(last + 1)
    ]
    return ops.stack(rows, axis=2)


def undelayed(x):
    """Undo `delayed`.

    Args:
        x: tensor `(batch, time + stages - 1, stages, ...)`.

    Returns:
        tensor `(batch, time, stages, ...)`.
    """
    stages = x.shape[2]
    time = x.shape[1] - stages + 1
    rows = [x[:, stage : stage + time, stage] for stage in range(stages)]
    return ops.stack(rows, axis=2)
