"""What the demo `research` takes for a picture: drawn by matplotlib, blank, broken, or something else."""

import io

import pytest

from demos.picture import looks

matplotlib = pytest.importorskip("matplotlib")


def png(draw=None):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1), dpi=50)
    if draw is not None:
        figure.subplots().plot(draw, color="red")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def test_a_chart_is_a_picture():
    look = looks(png([1, 3, 2]))
    assert (look.width, look.height) == (100, 50)
    assert look.colours > 10


@pytest.mark.parametrize("data", [png(), png([1, 2])[:200], b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + bytes(40)], ids=len)
def test_a_blank_page_and_a_broken_file_are_none(data):
    assert looks(data) is None


def test_its_pixels_are_those_that_were_drawn():
    """A reader of the library's own counts the same colours."""
    from matplotlib import image

    data = png([1, 3, 2])
    pixels = image.imread(io.BytesIO(data)).reshape(-1, 4)
    assert looks(data).colours == len({tuple(pixel) for pixel in pixels})
