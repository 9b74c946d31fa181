"""`python -m cstool` is `cstool`, for torchrun and others that start modules."""

from cstool.cli import app

app(prog_name="cstool")
