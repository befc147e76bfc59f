"""What a command prints of others' text is that text."""

import pytest

from server.cli.output import print_table, stderr_console, stdout_console

TEXT = "root:x:0:0 [bold]a[/bold] [red] :100: {:key:} [/] 中:smile:文 " + "x" * 300


@pytest.mark.parametrize("console", [stdout_console, stderr_console])
def test_text_is_printed_as_it_is(console, capsys):
    console().print(TEXT, soft_wrap=True)
    console().print("\nSources", TEXT, sep="\n", style="dim", soft_wrap=True)
    out, err = capsys.readouterr()
    assert out + err == f"{TEXT}\n\nSources\n{TEXT}\n"


def test_cells_of_a_table_too(capsys):
    from rich.table import Table

    table = Table("[b] :x:")
    table.add_row("[red]:100:[/red]")
    stdout_console().print(table)
    out = capsys.readouterr().out
    assert "[b] :x:" in out
    assert "[red]:100:[/red]" in out


def test_a_table_in_a_pipe_is_as_wide_as_it_needs_to_be(capsys, monkeypatch):
    from rich.table import Table

    monkeypatch.delenv("COLUMNS", raising=False)
    table = Table()
    for heading in ("index", "embedder"):
        table.add_column(heading)
    table.add_row("faiss:" + "x" * 70, "st:/" + "y" * 70)
    print_table(table)
    assert any("x" * 70 in line and "y" * 70 in line for line in capsys.readouterr().out.splitlines())
