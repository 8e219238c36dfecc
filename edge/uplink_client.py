"""An MQTT client that hears the broker hang up before it has answered.

The library waits for the answer to its first words until its time limit, also when the connection
has ended long since, as it does when a gateway ends in that moment.
"""

from __future__ import annotations

from typing import Any

import aiomqtt


class PromptClient(aiomqtt.Client):
    """As the library's; a connection that ends unanswered fails at once, as any other does."""

    def _on_disconnect(self, *told: Any) -> None:  # noqa: ANN401  # the library's
        # It may come from the thread that connects.
        self._loop.call_soon_threadsafe(self._not_answered)
        super()._on_disconnect(*told)

    def _not_answered(self) -> None:
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError("it hung up without an answer"))
            # Whoever waited may be gone; then this is nobody's failure.
            self._connected.exception()
