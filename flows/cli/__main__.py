"""Run the command line as `python -m flows.cli`."""

from flows.cli.entry import main

main()
