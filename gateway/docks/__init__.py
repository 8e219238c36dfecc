"""Docks: whose keys are trusted, where their ledgers stand, and who else knocks.

``models`` rows, ``keys`` which key signs where, ``service`` enrolment and lookups,
``schemas`` API shapes, ``routes`` HTTP.
"""
