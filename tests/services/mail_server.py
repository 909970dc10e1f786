"""A mail server for the tests. It says what it was given and what it answered, one JSON object a line, and ends with its
standard input. What it answers depends on the recipient:

nobody@…      never taken
greylisted@…  taken the third time
full@…        refused twice when it is whole, then taken
"""

import asyncio
import json
import logging
import sys
from collections import Counter
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = sys.argv[1:]
logging.getLogger("mail.log").setLevel(logging.ERROR)


def say(**what):
    print(json.dumps(what), flush=True)


def check_login(server, visit, envelope, mechanism, login):
    if (login.login.decode(), login.password.decode()) == (USER, PASSWORD):
        return AuthResult(success=True, auth_data=login)
    # Some servers talk too much.
    talk = f"535 5.7.8 {login.login.decode()} cannot log in with {login.password.decode()}"
    return AuthResult(success=False, handled=False, message=talk)


class Mailbox:
    seen = Counter()

    async def handle_RCPT(self, server, visit, envelope, address, options):
        name = address.split("@")[0]
        self.seen[address] += 1
        answer = "250 2.1.5 Ok"
        if name == "nobody":
            answer = "550 5.1.1 There is no such user"
        elif name == "greylisted" and self.seen[address] <= 2:
            answer = "451 4.7.1 Greylisted, come again"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        else:
            say(to=[address], answer=answer)
        return answer

    async def handle_DATA(self, server, visit, envelope):
        full = any(
            address.startswith("full@") and self.seen[address] <= 2
            for address in envelope.rcpt_tos
        )
        answer = "452 4.3.1 The disk is full" if full else "250 2.0.0 Ok"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        say(
            user=visit.auth_data and visit.auth_data.login.decode(),
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            answer=answer,
            headers={name: str(value) for name, value in mail.items()},
            text=mail.get_content(),
        )
        return answer


async def main():
    loop = asyncio.get_running_loop()
    common = {"hostname": "localhost", "loop": loop}
    login = {"authenticator": check_login, "auth_required": True, "auth_require_tls": False}
    mailbox = Mailbox()
    ports = {}
    for name, terms in (("open", {}), ("login", login)):
        make = lambda terms=terms: SMTP(mailbox, **common, **terms)
        server = await loop.create_server(make, "127.0.0.1", 0)
        ports[name] = server.sockets[0].getsockname()[1]
    say(ports=ports)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
