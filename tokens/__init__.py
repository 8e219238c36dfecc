"""Signing keys that never leave their token: a TPM, a smart card, an HSM, through PKCS#11.

Both programs keep statement keys here where a station has such hardware, behind the ``Signer`` of
``hashing.keys``; whoever verifies cannot tell the difference, and needs nothing of this package.

* ``uri`` reads the ``pkcs11:`` address of a key (RFC 7512), pure
* ``module`` talks to one PKCS#11 library: finds the token, logs in, opens sessions anew
* ``keys`` finds a key in an open session, says what its public half is, makes new ones
* ``signer`` signs, checks each signature, and goes on when a token was pulled and put back
* ``errors`` split by what the caller can do

It decides nothing about who may sign what, and keeps no PIN: that is read from its file when a
session is opened, and forgotten.
"""
