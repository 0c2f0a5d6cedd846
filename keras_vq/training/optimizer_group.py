import keras


@keras.saving.register_keras_serializable(package="keras_vq")
class OptimizerGroup(keras.optimizers.Optimizer):
    """Named optimizers behind the interface of one.

    A model with several losses over separate variables (a generator and a
    discriminator, say) steps each member separately; `keras.Model` sees
    one optimizer to build, save, load and resume, and Keras's callbacks find
    the members under `optimizers`.

    Args:
        members: dict, name to `keras.optimizers.Optimizer` or its identifier.
        name: Name of the group. Defaults to `"optimizer_group"`.

    Example:

    >>> group = keras_vq.training.OptimizerGroup(
    ...     {"generator": "adam", "discriminator": "sgd"}
    ... )
    >>> type(group["discriminator"]).__name__
    'SGD'
    """

    def __init__(self, members, name="optimizer_group"):
        super().__init__(learning_rate=0.0, name=name)
        self.members = {
            key: keras.optimizers.get(member) for key, member in members.items()
        }

    def __getitem__(self, key):
        return self.members[key]

    @property
    def learning_rate(self):
        """Learning rate of the first member; setting it sets every member's.

        To keep different rates, set those of the members: `group[name]`.
        """
        return self.optimizers[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        for key, member in self.members.items():
            try:
                # Before any rate has changed.
                member.learning_rate = float(member.learning_rate)
            except TypeError as error:
                raise TypeError(
                    f"The optimizer {key!r} follows a LearningRateSchedule, "
                    "so the rate of all optimizers cannot be set. Received: "
                    f"learning_rate={learning_rate}. Set the rate of another "
                    "one, model.optimizer[name].learning_rate = x, or create "
                    f"{key!r} with a number."
                ) from error
        for member in self.optimizers:
            member.learning_rate = learning_rate

    @property
    def optimizers(self):
        """The members as a list, where Keras's callbacks look for them."""
        return list(self.members.values())

    def build(self, variable_groups):
        """Build each member for its variables.

        Args:
            variable_groups: dict, name of a member to its list of variables.
        """
        for key, variables in variable_groups.items():
            self.members[key].build(variables)
        self.built = True

    @property
    def variables(self):
        return [v for member in self.optimizers for v in member.variables]

    @property
    def iterations(self):
        """Steps of the first member."""
        return self.optimizers[0].iterations

    def apply(self, grads, trainable_variables=None):
        raise TypeError(
            "An `OptimizerGroup` has no single step. Apply the gradients of "
            f"one member: group[name], name one of {list(self.members)}."
        )

    def finalize_variable_values(self, var_list):
        for member in self.optimizers:
            member.finalize_variable_values(member._trainable_variables)

    # The members save themselves, as children of this object.
    def save_own_variables(self, store):
        pass

    def load_own_variables(self, store):
        pass

    def get_config(self):
        return {
            "name": self.name,
            "members": {
                key: keras.saving.serialize_keras_object(member)
                for key, member in self.members.items()
            },
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        members = {
            key: keras.saving.deserialize_keras_object(member, custom_objects)
            for key, member in config["members"].items()
        }
        return cls(members, name=config["name"])
