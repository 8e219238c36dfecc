"""The limited process: the only place where bytes off a stranger's card are parsed as media.

Docks look at recordings in it, gateways make previews in it; neither parses a byte outside.

* ``helper``: starts the process and asks it; sees to it that it ends
* ``serving``: the process itself, a server that forks for every question
* ``walls``: what a fork may still do
* ``reading``: a recording as a media library reads it
* ``containers``: which container the first bytes name, never the library's guess
* ``boxes``: whether a recording is whole, and what its container claims
"""
