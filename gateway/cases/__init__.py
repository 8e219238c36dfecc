"""Cases of a case system, and the links that tie clips to them.

* ``models``: case and link tables; ``details``: what can be looked for in a case
* ``effects``: rows that follow from what is logged, for acts and for recovery; ``rewriting`` those
  of the case itself, ``counting`` to whom clips count
* ``tags``: case numbers that officers named at docks, and which of them wait for a link
* ``offering``: the open cases as docks are told of them
* ``service``: open, link, unlink; ``changes``: particulars, number, unit, mergers, seals; each act
  is a statement in the log first, as ``acting`` does it; ``masking``: what may be said of people
* ``lookups``: by any number that a case has or had; ``searching``: by everything else
* ``stages``: what footage there is of each stage: ``footage`` says when a clip was recorded,
  ``coverage`` what is missing, both pure
* ``asked``, ``schemas``: shapes of the API
* ``routes``, ``change_routes``: HTTP only
"""
