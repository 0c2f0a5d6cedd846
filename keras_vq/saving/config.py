"""Configurations: the constructor's arguments, recorded in one place."""

import contextvars
import copy
import inspect

import keras

_IS_LOADING = contextvars.ContextVar("is_loading", default=False)


def serializable(cls):
    """Class decorator: register a class with Keras and derive its config.

    `get_config` returns the arguments of the constructor: those it names, and
    the keyword arguments that it passed on to a base class. An argument is read
    from the attribute of the same name, so the constructor must store it, or an
    equivalent value, under that name. `from_config` restores nested models,
    layers and other Keras objects. A class that has to convert an argument
    overrides these methods.

    Subclasses inherit all this; `keras.saving.register_keras_serializable`
    is all they need.

    Args:
        cls: A class.

    Returns:
        The class.
    """
    if _is_foreign(_owner(cls, "get_config")):
        cls.get_config = get_config
    if _is_foreign(_owner(cls, "from_config")):
        cls.from_config = classmethod(from_config)
    if _is_foreign(_owner(cls, "__new__")):
        cls.__new__ = _recording_new(cls)
    return keras.saving.register_keras_serializable(package="keras_vq")(cls)


def get_config(self):
    """dict, the constructor's arguments."""
    config: dict = {}
    for base in type(self).__mro__:
        if _is_foreign(base) and "get_config" in vars(base):
            config = vars(base)["get_config"](self)
            break
    named = inspect.signature(type(self).__init__).parameters.values()
    variadic = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    names = [p.name for p in named if p.kind not in variadic][1:]  # not self
    if all(p.kind != inspect.Parameter.VAR_KEYWORD for p in named):
        # This class may fix what the base class records, such as the dtype.
        config = {name: config[name] for name in names if name in config}
    for name in dict.fromkeys([*names, *self._keywords.names]):
        if name not in config:
            config[name] = _serialized(_attribute(self, name))
    return config


def from_config(cls, config, custom_objects=None):
    """Create an object from its config."""
    token = _IS_LOADING.set(True)
    try:
        with keras.saving.custom_object_scope(custom_objects or {}):
            return cls(**{name: restored(x) for name, x in config.items()})
    finally:
        _IS_LOADING.reset(token)


def refuse_while_loading(what):
    """Raise if a config is the reason to read or fetch a file.

    A saved model may come from a stranger: what it names is neither read nor
    fetched. Files that a program names are.

    Args:
        what: str, the file.

    Raises:
        ValueError: Inside `from_config`.
    """
    if _IS_LOADING.get():
        raise ValueError(
            f"A saved configuration asks for {what}. Loading reads no other "
            "file and reaches no network. Load with compile=False, and create "
            "that object in your program."
        )


def restored(value):
    """Deserialize a value of a config.

    Args:
        value: A value of the dict that `get_config` returned.

    Returns:
        A Keras object, a structure of them, or the value itself.
    """
    if isinstance(value, (dict, list, tuple)):
        # A copy: Keras removes keys of what it deserializes.
        return keras.saving.deserialize_keras_object(copy.deepcopy(value))
    return value


class _Keywords:
    """Names of a constructor's keyword arguments.

    This is not a list because Keras would track one.
    """

    def __init__(self, names):
        self.names = tuple(names)


def _recording_new(owner):
    def __new__(cls, *args, **kwargs):
        new = super(owner, cls).__new__
        is_plain = new is object.__new__
        self = new(cls) if is_plain else new(cls, *args, **kwargs)
        # Bypasses Keras, whose `__setattr__` works only after `__init__`.
        object.__setattr__(self, "_keywords", _Keywords(kwargs))
        return self

    return __new__


def _is_foreign(cls):
    return cls is object or cls.__module__.partition(".")[0] == "keras"


def _owner(cls, name):
    """The class that defines a method; `object` if none does."""
    return next((c for c in cls.__mro__ if name in vars(c)), object)


def _attribute(obj, name):
    try:
        return getattr(obj, name)
    except AttributeError as error:
        raise AttributeError(
            f"{type(obj).__name__} does not store its argument {name!r}. Set "
            f"`self.{name}` in the constructor, or override `get_config`."
        ) from error


def _serialized(value):
    # Parts need no optimizer: only the whole model is trained.
    return without(keras.saving.serialize_keras_object(value), "compile_config")


def without(config, *keys):
    """Remove some keys from a serialized object and its parts.

    Args:
        config: What `keras.saving.serialize_keras_object` returned.
        *keys: str, such as `"compile_config"`.
    """
    if isinstance(config, dict):
        return {
            key: without(value, *keys)
            for key, value in config.items()
            if key not in keys
        }
    if isinstance(config, (list, tuple)):
        return type(config)(without(value, *keys) for value in config)
    return config
