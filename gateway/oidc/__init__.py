"""Signing in through an OpenID Connect provider (OpenID Connect Core 1.0, authorization code flow).

* ``provider``: asks the provider: its description, its keys, a code's tokens
* ``idtoken``: what an ID token has to be before it is believed
* ``service``: begins and finishes a sign-in, and finds the account

Rights stay here, in the log: an account is somebody's because ``account.set`` says that he signs
in through this provider. What the provider says is who he is, and nothing of what he may do.
"""
