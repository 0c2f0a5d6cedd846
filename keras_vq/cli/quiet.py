"""Commands print what they do, and nothing of the libraries below."""

import functools
import os
import sys
import tempfile
import warnings


def quiet(command):
    """The command, which imports the library without its messages.

    TensorFlow prints its build and devices while it is imported, through file
    descriptor 2, before any of its settings is read.

    Args:
        command: A function; it imports the library itself.

    Returns:
        A function of the same signature.
    """

    @functools.wraps(command)
    def run(*args, **kwargs):
        _import_library()
        return command(*args, **kwargs)

    return run


def _import_library():
    if not os.environ.get("TF_CPP_MIN_LOG_LEVEL"):
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    warnings.showwarning = _show_warning
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            from keras_vq import recipes  # noqa: F401
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """Print a warning in one line, without the place in the code."""
    print(f"Warning: {message}", file=sys.stderr)
