"""The gateway: takes sealed clips in, stores them, and proves what became of them.

In the order of a clip's life:

* ``broker``: an MQTT broker inside this process, for trying things out
* ``intake/``: a dock's messages to admitted entries, verified leaves, a stored clip, a release
* ``storage/``: objects on a disk or in a bucket: durable when written, read back past caches
* ``log/``: the append-only Merkle log; journal, tiles, checkpoints, receipts, recovery
* ``cosigning/``: witnesses of other agencies, asked to cosign checkpoints
* ``stamping/``: RFC 3161 time stamps over checkpoints
* ``docks/``: whose keys are trusted, and the trust file they are handed
* ``enrolment/``: invitations, and how docks get certificates over TLS
* ``ca/``: the authority for certificates, and the list of revoked ones
* ``evidence/``: clips as rows, their content and proofs over HTTP
* ``corrections/``: claims about clips put right, ``marks/``: what is to be heeded about them,
  ``recordings/``: which of them are the chapters of one recording; all on record
* ``cases/``: cases of a case system, and the links that tie clips to them; ``proposals/``: which
  clips may belong to one
* ``retention/``: how long clips are kept, ``holds/``: what may not go; ``disposal/``: what went
* ``trail/``: everything in the log about a case or clip, verified by whoever reads it
* ``repair/``: damaged objects located, and mended from copies, on record
* ``previews/``: pictures and previews of clips, which are no evidence; keys of encrypted ones
* ``export/``: evidence packs, and the act of handing them out

Who asks, and how they are told:

* ``accounts/``: people and case systems, ``oidc/`` by a provider's word; ``access/``: who may what
* ``views/``: who looked at another's footage, and why
* ``web/``: pages; ``overview/``: what they count
* ``events/``: what happened, in order; ``webhooks/`` bring it to case systems
* ``idempotency/``: the same request twice makes one thing

What they stand on:

* ``witness/``: the other side of it, a program of its own for another agency
* ``commands/``: what is said on the command line; ``operate`` and ``enrol`` do its work
* ``serve``: broker, intake and API in one loop; ``listening`` its port, ``notify`` the init system
* ``services``: every real object, built and connected in one place
* ``recovery``: what a logged entry does to the rows, when the database has to catch up
* ``config``, ``keys``, ``clock``, ``logs``: one file each; ``gateway.example.toml``; ``vault``:
  secrets that have to be read again; ``loopback``: this machine's own addresses
* ``unbroken``: what a cancellation must not cut in two
* ``db``: transactions, and all that is particular to one database engine; ``migrations/``
* ``app``: the REST API; ``apidocs`` and ``examples`` describe it, ``guard`` and ``addresses`` come
  before it; ``conditional``: entity tags
* ``problems``: every refusal as RFC 9457; ``shapes``, ``given`` serve the routes
* ``errors``: why the gateway could not do something
* ``crashpoints``: where fault tests may cut the power
"""
