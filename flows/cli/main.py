"""`coldpress ...`: a thin face on the flows."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from flows.cli import entry, exit_codes, stack
from tasks.environment import deferred_signals, home

app = App(
    name="coldpress",
    version=lambda: version("coldpress"),
    help="Press a large transformer encoder into a small, fast, trusted ONNX model.",
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
)
_DONE, _FAILED = exit_codes.SUCCESS, exit_codes.FAILURE


def main() -> None:
    """Run one command and exit: 0 done, 1 the work failed, 2 the input is wrong.

    After a signal it is 128 and the signal's number: 130 for Ctrl-C, 143 for SIGTERM.
    """
    entry.set_up_process()
    try:
        code = exit_codes.run_command(_run_app)
    except BaseException:
        if deferred_signals.exit_code() is None:
            deferred_signals.limit_exit_time(_FAILED)
            raise
        code = exit_codes.report_error("interrupted", _FAILED)
    if code != _DONE:  # one that is done is done, as is `logs --follow`
        code = deferred_signals.exit_code() or code
    deferred_signals.exit_process(code)


def _run_app() -> int:
    home.set_defaults()
    return app() or _DONE


@app.command
def run(
    recipe: str,
    /,
    *,
    assignments: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = (),
    json: Path | None = None,
) -> int:
    """Press the model that a recipe describes.

    Args:
        recipe: Name of a known recipe, or path of a YAML file.
        assignments: `field=value`, as in `distill.epochs=3`; may be repeated.
        json: Where to write the outcome, whether it succeeds or not.
    """
    from flows.cli import run as pressing

    return pressing.run_recipe(recipe, assignments, json)


@app.command
def check(
    recipe: str,
    /,
    *,
    assignments: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = (),
) -> None:
    """Check a recipe and everything that it names, without training anything.

    Args:
        recipe: Name of a known recipe, or path of a YAML file.
        assignments: `field=value`, as in `distill.epochs=3`; may be repeated.
    """
    from flows.cli import check as checking

    home.check_writable()
    Console().print(checking.check(recipe, assignments))


@app.command
def recipes() -> None:
    """List the recipes that can be named."""
    from flows.cli.listing import recipe_table

    Console().print(recipe_table())


@app.command
def lineage(model: str, /, *, json: bool = False) -> None:
    """Show where a registered model comes from, back to its teacher and dataset.

    Args:
        model: `name`, `name@alias` or `name/version`.
        json: Print JSON instead of a tree.
    """
    from flows.cli.listing import lineage_tree
    from tasks.promotion.lineage import trace

    node = trace(model)
    if json:
        sys.stdout.write(node.model_dump_json(indent=2) + "\n")
    else:
        # Whole lines, however narrow the terminal: the addresses in them are copied.
        Console(width=10_000).print(lineage_tree(node))


@app.command
def report(model: str, /, *, out: Path | None = None) -> None:
    """Write the report of the run that last judged a model to an HTML file.

    Args:
        model: `name`, `name@alias` or `name/version`.
        out: Where to; `<name>-<version>.html` in the working directory when not given.
    """
    from flows.cli.report import write_report

    _print(write_report(model, out))


@app.command
def card(model: str, /, *, out: Path | None = None) -> None:
    """Print the card of a model, in the format of the Hugging Face hub.

    Args:
        model: `name`, `name@alias` or `name/version`.
        out: Write it to this file instead, such as `README.md`.
    """
    from flows.cli import report as reading

    _print(reading.card(model, out))


@app.command
def predict(
    model: str,
    /,
    *texts: str,
    pair: Annotated[tuple[str, ...], Parameter(negative=())] = (),
) -> None:
    """Answer texts, one JSON line each. Put `--` before texts that begin with a dash.

    Args:
        model: `name`, `name@alias` or `name/version`.
        texts: What to classify.
        pair: The second text of each, for a model of text pairs; may be repeated.
    """
    from flows.cli.predict import predictions

    for line in predictions(model, texts, pair):
        sys.stdout.write(line + "\n")


@app.command
def pull(model: str, directory: Path, /) -> None:
    """Put a model's deployable files into a new folder.

    Args:
        model: `name`, `name@alias` or `name/version`.
        directory: Must not exist yet, or be empty.
    """
    from flows.cli.predict import pull_model

    pull_model(model, directory)


@app.command
def promote(
    model: str, /, *, reason: str, force: Annotated[bool, Parameter(negative=())] = False
) -> None:
    """Make a version that passed its gate the champion.

    Args:
        model: `name/version` or `name@alias`.
        reason: Why, in one line; it is recorded.
        force: Pass over the gate; this is recorded too.
    """
    from flows.cli import promotion

    _print(promotion.promote(model, reason, force))


@app.command
def rollback(model: str, /, *, reason: str) -> None:
    """Swap a model's champion and its previous one.

    Args:
        model: Registered name.
        reason: Why, in one line; it is recorded.
    """
    from flows.cli import promotion

    _print(promotion.rollback(model, reason))


@app.command
def gc(*, keep: int = 3, dry_run: Annotated[bool, Parameter(negative=())] = False) -> None:
    """Delete the files of old versions; never of one with an alias, nor of its ancestors.

    Args:
        keep: How many of the newest versions of each model stay in any case.
        dry_run: Only show what would go.
    """
    from flows.cli.gc import collect

    Console().print(collect(keep, dry_run))


for _command in (stack.up, stack.down, stack.status, stack.logs):
    app.command(_command)


@app.command
def doctor() -> None:
    """Say what this machine has: versions, instruction sets, servers, space."""
    from flows.cli.doctor import machine_table

    Console().print(machine_table())


def _print(line: str) -> None:
    if line:
        sys.stdout.write(f"{line}\n")
