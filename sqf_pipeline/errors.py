"""Errors that say what to do."""


class SqfError(Exception):
    """A mistake in input, settings or environment, shown as one message without a traceback.

    The message says what was expected, what was found, where, and what to do.
    """
