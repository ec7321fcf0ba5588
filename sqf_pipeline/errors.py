"""Errors that tell a person what to do."""


class SqfError(Exception):
    """A mistake in input, settings or surroundings, told in one message without a traceback.

    The message says what was expected, what was found, where, and what to do.
    """
