"""Evidence packs: handing clips out so that a stranger can check them (docs/pack.md).

* ``service``: the act, stated in the log before anything is delivered, and the dossier
* ``schemas``, ``routes``: both over HTTP
* ``writing``: the small files of a pack, from a dossier
* ``durable``: all of it on the disk, in one step, before it gets its name
* ``origins``: where originals come from, the API or the store on this machine
* ``crew``: several of them at a time
* ``fetching``: originals, resumed where they were cut, compared with what was sealed
* ``command``: ``evidock-gateway export``, which puts a pack together on the asker's machine
* ``verify.html``: the verifier that goes along in every pack, without the checks that pages share
"""
