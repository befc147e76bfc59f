import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from retrieval.embedders import cache, runtime
from retrieval.embedders.graph import Exact, assemble
from retrieval.embedders.samples import CHECKING
from retrieval.embedders.saturation import products_saturate
from retrieval.embedders.session import session
from retrieval.embedders.weights import SHA256, model_folder, read
from retrieval.errors import EmbedderMissing
from tests.retrieval.bundled import cache_dir

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path):
    """A cache of its own, already filled."""
    made = runtime.prepare(cache_dir())
    folder = tmp_path / made.path.parent.name
    folder.mkdir()
    for file in made.path.parent.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.mark.slow
def test_made_once_and_true_to_float32():
    made = runtime.prepare(cache_dir())
    assert not made.built
    assert made.path.parent.name.startswith(SHA256)
    exact = runtime.vectors(session(assemble(read(model_folder()), Exact()).SerializeToString()), CHECKING)
    ours = runtime.vectors(session(made.path), CHECKING)
    least = float((exact * ours).sum(axis=1).min())
    assert least == pytest.approx(made.min_cosine, abs=1e-4)
    assert least >= 0.99


@pytest.mark.slow
def test_a_sound_copy_is_taken_as_it_is(copy):
    assert not runtime.prepare(copy.parent).built


def test_a_flipped_bit_is_noticed(copy):
    content = bytearray((copy / cache.GRAPH).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / cache.GRAPH).write_bytes(content)
    assert cache.read(copy) is None


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-9])])
@pytest.mark.parametrize("name", [cache.GRAPH, cache.MANIFEST])
def test_an_incomplete_entry_is_not_believed(copy, name, spoil):
    spoil(copy / name)
    assert cache.read(copy) is None


@pytest.mark.slow
def test_a_graph_that_makes_other_vectors_here_is_made_anew(copy):
    manifest = cache.read(copy)
    other = manifest.model_copy(update={"proof": tuple(-number for number in manifest.proof)})
    (copy / cache.MANIFEST).write_text(other.model_dump_json())
    made = runtime.prepare(copy.parent)
    assert made.built
    assert [entry.name for entry in copy.parent.iterdir()] == [made.path.parent.name]
    assert not runtime.prepare(copy.parent).built


def test_a_damaged_entry_is_replaced(tmp_path):
    folder = tmp_path / "entry"
    cache.publish(folder, b"graph", 1.0, (1.0,))
    (folder / cache.GRAPH).write_bytes(b"other")
    cache.publish(folder, b"graph", 1.0, (1.0,))
    assert cache.read(folder) is not None
    assert [entry.name for entry in tmp_path.iterdir()] == ["entry"]


def test_two_publish_the_same_and_one_stays(tmp_path):
    for _ in range(2):
        cache.publish(tmp_path / "entry", b"graph", 1.0, (1.0,))
    assert cache.read(tmp_path / "entry").proof == (1.0,)
    assert [entry.name for entry in tmp_path.iterdir()] == ["entry"]


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(EmbedderMissing, match="cache folder"):
        cache.publish(blocked / "entry", b"graph", 1.0, (1.0,))


@pytest.mark.slow
def test_float32_where_eight_bits_stray_too_far():
    made = runtime.build("int8", least_cosine=1.1)
    assert (made.kind, made.min_cosine) == ("fp32", 1.0)


def test_other_weights_are_refused(tmp_path):
    with pytest.raises(EmbedderMissing, match="cannot read"):
        read(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(EmbedderMissing, match=SHA256):
        read(tmp_path)


@pytest.mark.slow
def test_seven_bits_hold_where_products_saturate():
    made = runtime.build("int7")
    assert made.kind == "int7"
    assert made.min_cosine >= runtime.LEAST_COSINE


@pytest.mark.slow
def test_the_same_bytes_every_time():
    wanted = "int7" if products_saturate() else "int8"
    assert runtime.build(wanted) == runtime.build(wanted)


RUN = """
import sys
from pathlib import Path
from retrieval.embedders.load import load
embedder = load("default", cache_dir=Path(sys.argv[1]))
before = [name for name in ("numpy", "onnxruntime", "tokenizers") if name in sys.modules]
vector = embedder.embed(["a long way from home"], kind="query")[0]
heavy = [name for name in ("torch", "transformers", "sentence_transformers", "onnx") if name in sys.modules]
print(before, heavy, [round(float(number), 4) for number in vector[:8]])
"""


def in_a_process(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", RUN, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_nothing_heavy_is_imported():
    out, _ = in_a_process(cache_dir()).communicate(timeout=60)
    assert out.startswith("[] [] [")


@pytest.mark.slow
def test_two_processes_build_at_once(tmp_path):
    processes = [in_a_process(tmp_path) for _ in range(2)]
    results = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    np.testing.assert_array_equal(*[out.partition("] ")[2].rpartition("[")[2] for out in results])
    (entry,) = tmp_path.iterdir()
    assert cache.read(entry) is not None
