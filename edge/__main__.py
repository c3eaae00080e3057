"""`python -m edge`."""

from edge.cli.main import main

main(prog_name="edge")
