"""Enrolment of docks: invitations, and an EST-shaped exchange over TLS of its own.

``models`` and ``invitations``: one-time tokens, bound to two keys at their first use; ``service``
what a dock is granted and when it is on the log, ``refusals`` why not; ``following`` which key
speaks for it where the log has not heard of the newest; ``nonces`` and ``guesses`` what needs
memory alone; ``papers`` the listener's own certificate; ``doorkeeper`` and ``peers`` who comes in
and who it is; ``listener`` HTTP for docks, ``schemas`` and ``routes`` HTTP for operators,
``command`` their terminal. The exchange is described in ``docs/enrolment.md``.
"""
