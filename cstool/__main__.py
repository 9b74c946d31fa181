"""`python -m cstool`: the program where a launcher wants a module, as torchrun does."""

from cstool.cli import app

app(prog_name="cstool")
