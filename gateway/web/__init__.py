"""What people see of the gateway in a browser, in Chinese and English (docs/accounts.md).

Pages are drawn here and act through the API like any client: there is no second way to do
anything, and no second place that decides who may.

* ``pages``: signing in, setting up, one's own rights, the language; ``oidc``: by a provider
* ``today``: how all of it stands; ``docks``, ``log``: theirs; ``admin``: for those who keep the
  gateway
* ``clips``: a list, and all about one; ``footage``: its facts and marks
* ``cases``: looking for one; ``case``: all about one, and every act
* ``keeping``, ``disposals``, ``holds``, ``rules``: what is due, what two
  people decide, what is kept
* ``awaited``: what of it waits for the reader
* ``clip_acts``: what may be done about one clip
* ``trails``, ``picture``: a trail verified, drawn and told; ``timeline``: a case in time
* ``webhooks``: where events are sent, and what became of each
* ``routing``: refusals as pages; ``blanks``: fields left empty
* ``drawing``: templates, languages, and the headers of a page
* ``menu``: where people can go
* ``words``: every fixed text, a module for each page
* ``templates``, ``static``: loaded from this gateway and nowhere else
"""
