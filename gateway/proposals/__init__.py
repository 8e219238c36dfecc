"""Which clips may belong to a case, with reasons and a score; a person decides.

* ``models``, ``effects``: proposals that were rejected
* ``scoring``: how well a clip fits a case, from what is known of both; pure
* ``candidates``: which clips and cases are looked at, by indexes and never all of them
* ``service``: propose, accept (``case.linked``) and reject (``proposal.rejected``)
* ``reach``: what is proposed for a case, as somebody may see it
* ``schemas``, ``routes``: the API
"""
