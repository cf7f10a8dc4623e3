"""Channels by Apprise: a real mail server and a real webhook; what is refused is said, and holds no secret."""

from __future__ import annotations

import pytest

from rota.alert.channel import AppriseSender, Refused
from rota.alert.text import Message
from tests.alert.servers import free_port, mail_server, webhook

SAID = Message("[web] publish-due: not as expected", "expected: published\nfound: nothing", is_good=False)


def test_a_mail_and_a_post_arrive() -> None:
    with mail_server() as box, webhook() as hook:
        sender = AppriseSender({"MAIL": box.url, "HOOK": hook.url})
        sender.send("MAIL", SAID)
        sender.send("HOOK", SAID)
    assert box.subjects() == [SAID.title]
    assert box.text().split() == SAID.body.split()
    [post] = hook.posts
    assert (post["title"], post["message"], post["type"]) == (SAID.title, SAID.body, "warning")


def test_who_refuses_is_quoted_without_the_secret() -> None:
    with mail_server() as box, webhook() as hook:
        box.refuses = "554 no such desk"
        hook.status = 503
        secret = hook.url.replace("json://", "json://me:s3cret-word@")
        sender = AppriseSender({"MAIL": box.url, "HOOK": secret})
        with pytest.raises(Refused, match="Sending email to"):
            sender.send("MAIL", SAID)
        with pytest.raises(Refused, match="503") as refused:
            sender.send("HOOK", SAID)
    assert "s3cret-word" not in str(refused.value)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "MAIL is not set on this node"),
        ({"MAIL": "not an address"}, "Apprise does not understand what stands in MAIL"),
        ({"MAIL": f"mailto://127.0.0.1:{free_port()}/?from=a@example.org&to=b@example.org&mode=insecure"}, "[Cc]onnection"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_channel_is_said(environment: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        AppriseSender(environment).send("MAIL", SAID)


def test_an_address_is_there_or_not() -> None:
    sender = AppriseSender({"MAIL": "mailto://x", "EMPTY": ""})
    assert [sender.can(name) for name in ("MAIL", "EMPTY", "OTHER")] == [True, False, False]
