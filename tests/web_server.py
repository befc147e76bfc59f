"""A server of raw bytes on this machine, and a web in which names and addresses lead to it: the guard stays on."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from pathlib import Path

TLS = Path(__file__).parent / "tls"
PUBLIC = "93.184.216.34"


def reply(body=b"", status="200 OK", **headers):
    body = body.encode() if isinstance(body, str) else body
    fields = {"Content-Type": "text/html", "Content-Length": len(body)}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class WebServer:
    """Answers a target with bytes, or with what a coroutine function of (request head, writer) does."""

    def __init__(self, answers):
        self.answers = answers
        self.heads = []
        self.port = self.tls_port = 0

    async def handle(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.heads.append(head)
            answer = self.answers.get(head.split(" ")[1], reply("not here", "404 Not Found"))
            if callable(answer):
                await answer(head, writer)
            else:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    def connect(self, address, port):
        """Where a checked address leads."""
        return "127.0.0.1", self.tls_port if port == 443 else self.port


@asynccontextmanager
async def web_server(answers):
    server = WebServer(answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "example.pem", TLS / "example.key")
    plain = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    secure = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=context)
    server.port, server.tls_port = (one.sockets[0].getsockname()[1] for one in (plain, secure))
    try:
        yield server
    finally:
        plain.close()
        secure.close()


def trusted():
    return ssl.create_default_context(cafile=str(TLS / "ca.pem"))
