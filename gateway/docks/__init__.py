"""Docks: whose keys are trusted, where their ledgers stand, and who else knocks.

``models`` rows, ``service`` enrolment and lookups, ``schemas`` API shapes, ``routes`` HTTP.
"""
