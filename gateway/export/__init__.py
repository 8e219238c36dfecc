"""Evidence packs: handing clips out so that a stranger can check them (docs/pack.md).

* ``service``: the act, stated in the log before anything is delivered, and the dossier
* ``schemas``, ``routes``: both over HTTP
* ``awaiting``: until witnesses have seen the act; ``sightings``: who outside saw the log
* ``content``: a dossier as it was handed over, verified; ``writing``: the small files of a pack
* ``filling``: everything of a pack in its order, into a folder or a ZIP file (``zipping``), or one
  made while it is sent (``streaming``)
* ``origins``: where originals come from, the API or the store on this machine
* ``crew``: several of them at a time
* ``fetching``: originals, resumed where they were cut, compared with what was sealed
* ``command``, ``arguments``: ``evidock-gateway export``, which puts a pack together on the asker's
  machine
* ``verify.html``: the verifier that goes along in every pack, without the checks that pages share;
  ``wording`` gives it words
"""
