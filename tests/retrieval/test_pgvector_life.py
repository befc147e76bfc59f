"""Any course of changes, as `test_collection.Life`, with generations in PostgreSQL, which goes away and comes back."""

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from retrieval import generations
from retrieval.activation import activate
from retrieval.errors import IndexUnavailable
from retrieval.indexes.postgres import Postgres
from tests.postgres import PostgresServer
from tests.retrieval.test_collection import SMALL, WORDS, Life
from tests.retrieval.workshop import NAME, Workshop

OUTSIDE = ["pgvector", "hybrid(pgvector,bm25)"]
INDEXES = [*OUTSIDE, "flat", "bm25"]


class LifeOutside(Life):
    """Between `away` and the rule's end the server is down: what needs it is refused, and changes nothing."""

    server: PostgresServer

    @initialize(index=st.sampled_from(INDEXES))
    def start(self, index):
        self.folder = TemporaryDirectory()
        engine = Postgres(self.server.url, f"life_{uuid4().hex}")
        self.shop = Workshop(Path(self.folder.name), index=index, postgres=engine)
        self.run(self.shop.open())

    @precondition(lambda self: len(self.shop.collection.lanes) < 4)
    @rule(index=st.sampled_from(INDEXES), chunking=st.sampled_from([None, SMALL]))
    def build(self, index, chunking):
        row = self.run(self.shop.build(index, chunking=chunking))
        assert row.status == "ready"
        assert row.metrics["recall_at_10"] in (1.0, None)

    @rule(file=Life.files, text=Life.texts)
    def add_while_away(self, file, text):
        outside = self.shop.collection.generation.spec.outside
        former = self.model.get(file)
        with self.away():
            row = self.run(self.shop.add(file, text))
        if not outside:
            assert row.status == "completed"
            self.model[file] = (text, {})
            return
        assert row.status == "failed"
        assert "SANDTABLE_PGVECTOR_URL" in row.error_message
        # As after any failed replacement: the document is there no more than it was.
        assert self.run(self.shop.collection.remove_file(file)) in (True, former is not None)
        self.model.pop(file, None)

    @rule(file=Life.files)
    def delete_while_away(self, file):
        with self.away():
            if self.shop.collection.generation.spec.outside:
                with pytest.raises(IndexUnavailable):
                    self.run(self.shop.collection.remove_file(file))
            else:
                assert self.run(self.shop.collection.remove_file(file)) == (self.model.pop(file, None) is not None)

    @rule(data=st.data())
    def activate_while_away(self, data):
        collection = self.shop.collection
        id = data.draw(st.sampled_from(sorted(collection.lanes)))
        with self.away():
            if id != collection.generation_id and collection.lanes[id].generation.spec.outside:
                with pytest.raises(IndexUnavailable):
                    self.run(activate(collection, id))
            else:
                self.run(activate(collection, id))
                assert collection.generation_id == id

    @rule(query=Life.texts)
    def start_while_away(self, query):
        with self.away():
            self.run(self.shop.reopen(folding=False))
            self.run(self.shop.collection.beside)
            for lane in self.shop.collection.lanes.values():
                if lane.generation.spec.outside:
                    with pytest.raises(IndexUnavailable):
                        self.run(self.shop.collection.search(query, 5, lane=lane))
        rows = self.run(self.shop.database.read(lambda db: generations.of_collection(db, NAME)))
        statuses = [row.status for row in rows]
        assert "failed" not in statuses
        self.settle()

    @contextmanager
    def away(self):
        self.server.kill()
        try:
            yield
        finally:
            self.server.start()
        self.settle()

    def settle(self):
        """The invariants look into the lanes, which catch up when they are searched."""
        if self.server.process.poll() is None:
            for lane in self.shop.collection.lanes.values():
                self.run(self.shop.collection.search(WORDS[0], 1, lane=lane))


@pytest.mark.slow
def test_any_course_of_changes_with_an_engine_that_comes_and_goes(postgres):
    LifeOutside.server = PostgresServer()
    try:
        run_state_machine_as_test(
            LifeOutside,
            settings=settings(
                max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
            ),
        )
    finally:
        LifeOutside.server.close()
