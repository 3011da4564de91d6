"""Compare Coldpress with other libraries: same teacher, same rows, whole passes in turns.

    python benchmarks/compare_peers.py trec --teacher DIR --pretrained DIR \
        --train TREC/train.jsonl --test TREC/test.jsonl --coldpress fast=DIR
    python benchmarks/compare_peers.py --quick   # a check of the program: seconds, synthetic text

Writes docs/peers/NAME.json, docs/figures/peers-NAME.svg and docs/peers.md. `--page` only makes the
page and the figures again, from all records.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cyclopts import App, CycloptsError
from peers import figure, measure, page, record
from peers.building import Place
from peers.options import Options
from peers.rows import write_job

from coldpress.errors import InputError
from tasks.environment import home


def main() -> None:
    """Run the comparison; wrong input is reported in one line, with exit code 2."""
    home.set_defaults()
    app = App(name="compare_peers", help=__doc__, exit_on_error=False, print_error=False)

    @app.default
    def command(options: Options = Options()) -> None:  # noqa: B008
        """Compare Coldpress with other libraries."""
        if not options.page:
            _measure(options)
        page.write(options.output_dir)
        for comparison in record.read_all(options.output_dir):
            figure.draw(comparison, options.output_dir)
        print(f"written to {options.output_dir}")

    try:
        app()
    except (InputError, CycloptsError) as error:
        print(f"compare_peers: {error}", file=sys.stderr)
        sys.exit(2)


def _measure(options: Options) -> None:
    rows = options.rows()
    folder = options.folder / "models" / rows.name
    place = Place(write_job(rows, folder), folder, options.folder / "environments")
    comparison = measure.compare(rows, options.peers(), place, options.passes, options.command())
    record.write(comparison, Path(options.output_dir))
    print(page.render([comparison]))


if __name__ == "__main__":
    main()
