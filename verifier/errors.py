"""Why a check could not even begin."""

from __future__ import annotations


class VerifierError(Exception):
    """What was to be checked cannot be read at all; the text says what to do."""


class NoFileError(VerifierError):
    """What was named is a pipe, a device or a folder where a file has to be."""
