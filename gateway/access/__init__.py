"""Who may do what (docs/accounts.md).

* ``policy``: the table of roles and acts, and how far each reaches
* ``principals``: who asks: a person, a case system, or the gateway's own machine
* ``scope``: what a reach means for clips and cases
* ``host``: the token by which commands on the gateway's own machine are known
* ``gate``: asked by every route, before anything else happens
"""
