"""The same request twice makes one thing: ``Idempotency-Key`` on every POST.

After draft-ietf-httpapi-idempotency-key-header: a client that lost the answer asks again with the
same key, and gets the first answer.

* ``models``: keys and their answers
* ``service``: what becomes of a request that has a key
* ``middleware``: the one place where every request passes
"""
