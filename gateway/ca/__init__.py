"""The gateway's certificate authority: who may connect, and whose key a statement's is.

Three keys: a root that need not stay here, an authority for TLS, and one for statement keys. No
certificate of one purpose passes for one of another: each has its own authority and its own
extended key usage. What counts as evidence rests on the log; certificates open doors.

``profiles`` what each certificate may do, ``requests`` strict PKCS #10, ``folder`` keys and
certificates on the disk, ``renewing`` new ones beside the old, ``models`` and ``service`` what was
issued and revoked, ``crl`` the list that the broker reads, ``upkeep`` what is wrong or ends,
``routes`` and ``schemas`` HTTP, ``command`` what an operator does on this machine.
"""
