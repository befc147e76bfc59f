"""A real server of the form of OpenAI's `/embeddings` on 127.0.0.1: a text's vector is the sum of its words'.

`answers` stand in for it: each is taken once, in order, then the server embeds again.
"""

import array
import base64
import contextlib
import json
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np


@dataclass
class Answer:
    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False


@dataclass
class Embedding:
    url: str = ""
    dimension: int = 32
    most_texts: int = 10_000
    most_words: int = 10**9
    answers: list[Answer] = field(default_factory=list)
    requests: list[dict] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def texts(self) -> list[list[str]]:
        return [request["input"] for request in self.requests]

    def reply(self, request: dict) -> Answer:
        if self.answers:
            return self.answers.pop(0)
        texts = request["input"]
        if not all(texts):
            return refusal("input cannot be an empty string")
        if len(texts) > self.most_texts:
            return refusal(f"batch size is invalid, it should not be larger than {self.most_texts}")
        if any(len(text.split()) > self.most_words for text in texts):
            return refusal("This model's maximum context length is exceeded", "context_length_exceeded")
        size = request.get("dimensions", self.dimension)
        made = [self.vector(text)[:size] for text in texts]
        if request.get("encoding_format") == "base64":
            given = [base64.b64encode(array.array("f", vector)).decode() for vector in made]
        else:
            given = [vector.tolist() for vector in made]
        # Backwards: `index` says which is whose.
        data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(given)][::-1]
        return Answer(body={"object": "list", "data": data, "model": request["model"]})

    def vector(self, text: str) -> np.ndarray:
        total = np.zeros(self.dimension, np.float32)
        for word in text.split() or [text]:
            seed = zlib.crc32(word.encode())
            total += np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)
        return total * 3


def refusal(message: str, code: str = "invalid_request") -> Answer:
    return Answer(400, {"error": {"message": message, "type": "invalid_request_error", "code": code}})


def vectors(*given: object) -> Answer:
    return Answer(body={"data": [{"index": n, "embedding": vector} for n, vector in enumerate(given)]})


@contextlib.contextmanager
def embedding_server(**settings: object) -> Iterator[Embedding]:
    made = Embedding(**settings)  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            made.requests.append(request)
            made.headers.append({name.lower(): value for name, value in self.headers.items()})
            made.times.append(time.monotonic())
            if self.path != "/v1/embeddings":
                answer = Answer(404, {"error": {"message": f"no route {self.path}"}})
            else:
                answer = made.reply(request)
            if answer.hang:
                made.over.wait(30)
                self.close_connection = True
                return
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {**answer.headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield made
    finally:
        made.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
