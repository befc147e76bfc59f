"""One side of `python -m benchmarks peers`, in an environment of its own: python side.py NAME fill|open FOLDER

Standard input: JSON with `model` (its folder), `passages` and `questions`. `fill` takes the passages in, keeps them in
FOLDER and searches; `open` says as soon as the first question is answered from what FOLDER has. Ten texts a question.
"""

import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

K, CLIENTS = 10, 8


class ByHand:
    """sentence-transformers and a flat index of faiss, as one would write it first."""

    def __init__(self, model, folder):
        import torch

        torch.set_num_threads(1)
        from sentence_transformers import SentenceTransformer

        self.model, self.folder = SentenceTransformer(model, device="cpu"), Path(folder)

    def encode(self, texts):
        return self.model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)

    def fill(self, passages):
        import faiss

        self.texts, self.index = passages, faiss.IndexFlatIP(384)
        self.index.add(self.encode(passages))
        faiss.write_index(self.index, str(self.folder / "index"))
        (self.folder / "texts.json").write_text(json.dumps(passages))

    def open(self):
        import faiss

        self.index = faiss.read_index(str(self.folder / "index"))
        self.texts = json.loads((self.folder / "texts.json").read_text())

    def search(self, question):
        _, places = self.index.search(self.encode([question]), K)
        return [self.texts[place] for place in places[0]]


class Txtai:
    def __init__(self, model, folder):
        import torch

        torch.set_num_threads(1)
        from txtai import Embeddings

        self.path, self.embeddings = f"{folder}/index", Embeddings(path=model, content=True, gpu=False)
        # Its cursor may not be used by two threads at once; its own service takes a lock too.
        self.lock = Lock()

    def fill(self, passages):
        self.embeddings.index(passages)
        self.embeddings.save(self.path)

    def open(self):
        self.embeddings.load(self.path)

    def search(self, question):
        with self.lock:
            return [found["text"] for found in self.embeddings.search(question, K)]


class LangChain:
    def __init__(self, model, folder):
        import torch

        torch.set_num_threads(1)
        from langchain_huggingface import HuggingFaceEmbeddings

        options = {"batch_size": 32, "normalize_embeddings": True}
        self.embeddings = HuggingFaceEmbeddings(model_name=model, model_kwargs={"device": "cpu"}, encode_kwargs=options)
        self.folder = folder

    def fill(self, passages):
        from langchain_community.vectorstores import FAISS

        self.store = FAISS.from_texts(passages, self.embeddings)
        self.store.save_local(self.folder)

    def open(self):
        from langchain_community.vectorstores import FAISS

        self.store = FAISS.load_local(self.folder, self.embeddings, allow_dangerous_deserialization=True)

    def search(self, question):
        return [found.page_content for found in self.store.similarity_search(question, k=K)]


class Chroma:
    def __init__(self, model, folder):
        import torch

        torch.set_num_threads(1)
        import chromadb
        from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction

        embed = SentenceTransformerEmbeddingFunction(model_name=model, device="cpu", normalize_embeddings=True)
        client = chromadb.PersistentClient(path=folder)
        self.collection = client.get_or_create_collection(
            "peers", embedding_function=embed, configuration={"hnsw": {"space": "cosine"}}
        )

    def fill(self, passages):
        for start in range(0, len(passages), 256):
            some = passages[start : start + 256]
            self.collection.add(ids=[str(start + n) for n in range(len(some))], documents=some)

    def open(self):
        pass

    def search(self, question):
        return self.collection.query(query_texts=[question], n_results=K)["documents"][0]


class LanceDB:
    def __init__(self, model, folder):
        import torch

        torch.set_num_threads(1)
        import lancedb
        from lancedb.embeddings import get_registry
        from lancedb.pydantic import LanceModel, Vector

        embed = get_registry().get("sentence-transformers").create(name=model, device="cpu", normalize=True)

        class Row(LanceModel):
            text: str = embed.SourceField()
            vector: Vector(embed.ndims()) = embed.VectorField()

        self.db, self.row = lancedb.connect(folder), Row

    def fill(self, passages):
        self.table = self.db.create_table("peers", schema=self.row)
        self.table.add([{"text": text} for text in passages])

    def open(self):
        self.table = self.db.open_table("peers")

    def search(self, question):
        return [found["text"] for found in self.table.search(question).limit(K).to_list()]


SIDES = {"by hand": ByHand, "txtai": Txtai, "LangChain + FAISS": LangChain, "Chroma": Chroma, "LanceDB": LanceDB}


def timed(work, *given):
    began = time.perf_counter()
    work(*given)
    return time.perf_counter() - began


def figures(side, passages, questions):
    ingest = timed(side.fill, passages)
    assert len(side.search(questions[0])) == K
    alone = [timed(side.search, question) for question in questions]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(side.search, questions[:CLIENTS]))
        began = time.perf_counter()
        together = list(pool.map(lambda question: timed(side.search, question), questions * 2))
        qps = len(together) / (time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"ingest_s": ingest, "alone": alone, "together": together, "qps": qps, "ram_mb": peak}


def main():
    name, what, folder = sys.argv[1:]
    given = json.load(sys.stdin)
    side = SIDES[name](given["model"], folder)
    if what == "fill":
        print(json.dumps(figures(side, given["passages"], given["questions"])), flush=True)
    else:
        side.open()
        assert len(side.search(given["questions"][0])) == K
        print("{}", flush=True)


if __name__ == "__main__":
    main()
