from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

from retrieval.rwlock import ReadWriteLock


def test_readers_share_and_writers_are_alone():
    lock, both = ReadWriteLock(), Barrier(2)
    value = [0, 0]

    def read_together():
        with lock.reading():
            both.wait(timeout=5)

    def write():
        for _ in range(500):
            with lock.writing():
                value[0] += 1
                value[1] += 1

    def read():
        for _ in range(500):
            with lock.reading():
                assert value[0] == value[1]

    with ThreadPoolExecutor(6) as pool:
        for task in [pool.submit(read_together) for _ in range(2)]:
            task.result(timeout=10)
        for task in [pool.submit(work) for work in (write, write, read, read)]:
            task.result(timeout=30)
    assert value == [1000, 1000]


def test_a_waiting_writer_goes_before_later_readers():
    lock, order = ReadWriteLock(), []
    reading, release, writer_waits = Event(), Event(), Event()

    def first_reader():
        with lock.reading():
            reading.set()
            release.wait(timeout=5)

    def writer():
        writer_waits.set()
        with lock.writing():
            order.append("writer")

    def later_reader():
        with lock.reading():
            order.append("reader")

    with ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(first_reader)]
        assert reading.wait(timeout=5)
        tasks.append(pool.submit(writer))
        assert writer_waits.wait(timeout=5)
        while not lock._writers_waiting:
            pass
        tasks.append(pool.submit(later_reader))
        release.set()
        for task in tasks:
            task.result(timeout=10)
    assert order == ["writer", "reader"]
