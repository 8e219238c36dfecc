"""Gets this dock's keys trusted, and its TLS certificate renewed (docs/enrolment.md).

* ``papers`` is what lies where: key, certificates, authorities, trust file, whom to ask again
* ``wire`` is the exchange over HTTPS with the gateway's enrolment listener
* ``certificates`` asks for certificates and checks what comes back
* ``steps`` enrols, in an order that any cut leaves complete or to be completed
* ``command`` is `evidock-edge enrol`
* ``renewal`` renews within the running dock

A private key leaves this machine in no step. No key is ever replaced, and no trust file.
"""
