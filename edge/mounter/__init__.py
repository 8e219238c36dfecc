"""The mount helper: the one process of a dock that may mount, and does little else.

The dock's daemon reads hostile cards and talks to a network, so it runs without any right.
What needs root is here, small and apart, and takes no orders beyond these: make a mount of
its own writable for a moment, let go of one, tell what is there.

* ``settings``: the ``[mounter]`` table; ``wire``: the lines on its socket
* ``client``: the daemon's side, which needs no right at all
* ``ports``: what udev and sysfs say of a device and the port it is plugged into
* ``kernel``: mount(2) and umount2(2), and the FUSE driver where a kernel has none of its own
* ``mounts``: which volumes are mounted, read-only, and for how long one is writable; ``again``:
  when one that could not be is tried once more
* ``descriptors``, ``classes``: what a USB device claims to be, and whether it may be that;
  ``authorize`` carries it out
* ``service``: puts them together, ``command`` starts it
"""
