import dataclasses
from collections.abc import Callable

from keras_vq.export.field import Field


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a served model answers under one name.

    Args:
        name: str.
        meaning: str, what it does.
        function: A function of tensors in the order of `inputs`, to tensors in
            the order of `outputs`, a list.
        inputs: list of `Field`.
        outputs: list of `Field`.
    """

    name: str
    meaning: str
    function: Callable
    inputs: list[Field]
    outputs: list[Field]

    def unchecked(self, *tensors):
        """What the function gives, by name."""
        found = self.function(*tensors)
        names = [field.name for field in self.outputs]
        return dict(zip(names, found, strict=True))

    def __call__(self, *tensors):
        """As `unchecked`, in a graph that fails if an input does not fit."""
        pairs = zip(self.inputs, tensors, strict=True)
        return self.unchecked(*(field.checked(x) for field, x in pairs))

    def to_dict(self):
        """dict for JSON."""
        return {
            "meaning": self.meaning,
            "inputs": {field.name: field.to_dict() for field in self.inputs},
            "outputs": {field.name: field.to_dict() for field in self.outputs},
        }
