"""The list of a clip's leaf hashes, for whoever checks the bytes while they come.

It proves itself: it is worth something only if it leads to the root that the dock sealed.
"""

from __future__ import annotations

from http import HTTPStatus

from gateway.errors import ObjectMissingError
from gateway.evidence.models import Clip
from gateway.evidence.service import leaf_list_key
from gateway.problems import Problem
from gateway.storage.store import Store


async def leaf_list(store: Store, clip: Clip) -> bytes:
    """32 bytes for each leaf of 1 MiB, in order.

    Raises:
        Problem: 404, there is none; the leaves can still be made from the content.
        GatewayError: the store cannot be read.
    """
    if clip.leaves <= 1:
        return clip.root * clip.leaves
    try:
        return await store.get_bytes(leaf_list_key(clip.id))
    except ObjectMissingError as error:
        raise Problem(
            HTTPStatus.NOT_FOUND, "leaves-missing", f"there is no list of the leaves of {clip.id}"
        ) from error
