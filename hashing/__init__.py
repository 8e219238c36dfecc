"""What makes footage checkable: digests, chains, the log's tree, signatures, verdicts.

This package turns values into values. It opens no file, reads no clock, sleeps nowhere, logs
nothing and talks to nobody; time and keys come in as arguments. It rests on the standard library,
`cryptography` and `cbor2` alone, so that an outside expert can audit it in an afternoon.
`SPEC.md` beside this file fixes every byte, with vectors for independent verifiers.

In the order in which a clip meets them:

* `digest`     SHA-256 of a file and of its 1 MiB leaves while the bytes stream past
* `keys`       public keys, key ids, the `Signer` interface, ES256 and Ed25519 signers
* `statement`  COSE signed statements over a record's digest, and statements with receipts
* `ledger`     chain rules: what comes next, and the first gap, fork, edit, cut or repeat
* `merkle`     the RFC 9162 tree of the log and of file leaves: roots, proofs, appending
* `receipt`    COSE receipts: "this statement is in the log"
* `note`       signed notes, checkpoints of the log, cosignatures of its witnesses
* `verdict`    the ten verification steps, findings with reasons, exit codes
* `cbor`, `cose`  the one accepted encoding under statements and receipts
* `errors`     what can go wrong, split by what the caller can do about it
"""
