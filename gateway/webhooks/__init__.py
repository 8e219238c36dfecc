"""Case systems are told what happens, at an address of their own (Standard Webhooks 1.0).

Every event goes out at least once and in order to each receiver; one who does not answer delays
nobody else. Where a receiver stands is kept, so that a restart goes on exactly there.

* ``models``: receivers, and what became of each delivery
* ``effects``: rows that follow from ``webhook.set``
* ``signing``: secrets and signatures
* ``addresses``: where the gateway lets itself be sent
* ``sending``: one message to one receiver
* ``delivering``: events to all receivers, for as long as the gateway runs
* ``service``: receivers made, ended, looked at
* ``schemas``, ``routes``: over HTTP
"""
