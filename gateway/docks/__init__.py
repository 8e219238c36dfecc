"""Docks: whose keys are trusted, where their ledgers stand, and who else knocks."""
