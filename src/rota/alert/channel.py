"""Sends a message by a channel. Apprise knows how: mail, chat, paging, webhooks.

What it warns of in its log while it sends is what stands in the error. It is asked on a thread of its own, since it waits for
the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from rota.alert.text import Message
from rota.execute.redact import Redactor

__all__ = ["AppriseSender", "Refused", "Sender"]

LONGEST = 400
"""Characters of what was refused."""


class Refused(Exception):
    """A message did not go out. The text says what was found and expected, and holds no secret."""


class Sender(Protocol):
    """Sends by the channel whose address stands in a variable. Raises `Refused`."""

    def can(self, variable: str) -> bool:
        """Whether this process has the channel's address."""
        ...

    def send(self, variable: str, message: Message) -> None: ...


@dataclass(frozen=True, slots=True)
class AppriseSender:
    """Sends by Apprise, with addresses out of ``environment``."""

    environment: Mapping[str, str]

    def can(self, variable: str) -> bool:
        return bool(self.environment.get(variable))

    def send(self, variable: str, message: Message) -> None:
        try:
            from apprise import Apprise, NotifyFormat, NotifyType
        except ImportError:
            raise Refused(
                "Apprise is not installed on this node; expected: pip install 'rota[alerts]'"
            ) from None
        url = self.environment.get(variable)
        if not url:
            raise Refused(
                f"{variable} is not set on this node; expected: the channel's Apprise URL in the environment"
            )
        kind = NotifyType.SUCCESS if message.is_good else NotifyType.WARNING
        desk = Apprise()
        if not desk.add(url):
            raise Refused(
                f"Apprise does not understand what stands in {variable}; expected: an address such as mailtos://…, slack://… or json://…"
            )
        answer = desk.notify(
            title=message.title, body=message.body, notify_type=kind, body_format=NotifyFormat.TEXT
        )
        if not answer:
            warned = (one.message for one in answer.logs() if one.level in ("WARNING", "ERROR"))
            raise Refused(_hidden("; ".join(dict.fromkeys(warned)), url))


def _hidden(text: str, url: str) -> str:
    return Redactor([url])(text or "the channel did not take it, and Apprise does not say why")[:LONGEST]
