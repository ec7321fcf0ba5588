"""Errors that tell a person what to do.

What belongs here: the base class of every mistake that a user can make and mend. What does not: programming
errors, which keep their own types and their traceback.
"""


class SqfError(Exception):
    """A mistake in input, settings or surroundings, told in one message without a traceback.

    The message says what was expected, what was found, where, and what to do.
    """


__all__ = ["SqfError"]
