import dataclasses
from collections.abc import Callable

from keras_vq.export.field import Field


@dataclasses.dataclass(frozen=True)
class Signature:
    """One signature of an exported model.

    Args:
        name: str.
        meaning: str, for callers.
        function: A function from tensors, in the order of `inputs`, to a list
            of tensors, in the order of `outputs`.
        inputs: list of `Field`.
        outputs: list of `Field`.
    """

    name: str
    meaning: str
    function: Callable
    inputs: list[Field]
    outputs: list[Field]

    def unchecked(self, *tensors):
        """dict, outputs of the function by name."""
        found = self.function(*tensors)
        names = [field.name for field in self.outputs]
        return dict(zip(names, found, strict=True))

    def __call__(self, *tensors):
        """As `unchecked`, with assertions on the inputs."""
        pairs = zip(self.inputs, tensors, strict=True)
        return self.unchecked(*(field.checked(x) for field, x in pairs))

    def to_dict(self):
        """dict for JSON."""
        return {
            "meaning": self.meaning,
            "inputs": {field.name: field.to_dict() for field in self.inputs},
            "outputs": {field.name: field.to_dict() for field in self.outputs},
        }
