"""What every route is handed: the services of the running gateway.

Routes of all features use ``Given``; nothing is looked up globally.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from gateway.services import Services


async def _services(request: Request) -> Services:
    # A plain function would be called in a thread of its own, for every request.
    services = request.app.state.services
    if not isinstance(services, Services):
        msg = "the application was made without services"
        raise TypeError(msg)
    return services


Given = Annotated[Services, Depends(_services)]
