"""The `coldpress` command: a thin layer over the flows."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from flows.cli import entry, exit_codes, profile, push, search, serve, stack, trials
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
_SET = Parameter(name="--set", negative=(), show_default=False)
_FLAG = Parameter(negative=(), show_default=False)


def main() -> None:
    """Run one command and exit with its code: see `exit_codes`.

    After a signal the code is 128 plus the signal's number: 130 for Ctrl-C, 143 for SIGTERM.
    """
    entry.set_up_process()
    try:
        code = exit_codes.run_command(_run_app)
    except BaseException:
        if deferred_signals.exit_code() is None:
            deferred_signals.limit_exit_time(exit_codes.FAILURE)
            raise
        code = exit_codes.report_error("interrupted", exit_codes.FAILURE)
    if code != exit_codes.SUCCESS:  # `logs --follow` succeeds although a signal ends it
        code = deferred_signals.exit_code() or code
    deferred_signals.exit_process(code)


def _run_app() -> int:
    home.set_defaults()
    return app() or exit_codes.SUCCESS


@app.command
def run(
    recipe: str,
    /,
    *,
    assignments: Annotated[tuple[str, ...], _SET] = (),
    json: Path | None = None,
) -> int:
    """Run a recipe: train, compress, evaluate and register its model.

    Args:
        recipe: Name of a recipe (see `coldpress recipes`), or path of a YAML file.
        assignments: Change a field of the recipe, as in `distill.epochs=3`; may be repeated.
        json: Write the outcome as JSON to this file, also if the run fails.
    """
    from flows.cli.run import run_recipe

    return run_recipe(recipe, assignments, json)


@app.command
def check(
    recipe: str,
    /,
    *,
    assignments: Annotated[tuple[str, ...], _SET] = (),
) -> None:
    """Check a recipe and the data and models that it names, without training.

    Args:
        recipe: Name of a recipe (see `coldpress recipes`), or path of a YAML file.
        assignments: Change a field of the recipe, as in `distill.epochs=3`; may be repeated.
    """
    from flows.cli.check import check

    home.check_writable()
    _print_rich(check(recipe, assignments))


@app.command
def recipes() -> None:
    """List the recipes that `run` and `check` find by name."""
    from flows.cli.listing import recipe_table

    _print_rich(recipe_table())


@app.command
def lineage(model: str, /, *, json: bool = False) -> None:
    """Show the ancestors of a registered model, back to its teacher and dataset.

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
        # Never break lines: people copy the addresses in them.
        _print_rich(lineage_tree(node), width=10_000)


@app.command
def report(model: str, /, *, out: Path | None = None) -> None:
    """Write the evaluation report of a model to an HTML file.

    Args:
        model: `name`, `name@alias` or `name/version`.
        out: The file; default: `<name>-<version>.html` in the working directory.
    """
    from flows.cli.report import write_report

    _print(write_report(model, out))


@app.command
def card(model: str, /, *, out: Path | None = None) -> None:
    """Print the model card of a model, in the format of the Hugging Face hub.

    Args:
        model: `name`, `name@alias` or `name/version`.
        out: Write the card to this file instead, such as `README.md`.
    """
    from flows.cli.report import card

    _print(card(model, out))


@app.command
def predict(
    model: str,
    /,
    *texts: str,
    pair: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
) -> None:
    """Predict with a model and print one JSON line per text.

    Put `--` before texts that begin with a dash.

    Args:
        model: `name`, `name@alias`, `name/version`, or a folder that `coldpress pull` wrote.
        texts: The texts to predict for.
        pair: The second text of a pair, for models of text pairs; once per text. A ranking model
            sorts several documents of one query.
    """
    from flows.cli.predict import predictions

    for line in predictions(model, texts, pair):
        sys.stdout.write(line + "\n")


@app.command
def pull(model: str, directory: Path, /) -> None:
    """Copy a model's deployable files into a new or empty folder.

    Args:
        model: `name`, `name@alias` or `name/version`.
        directory: A folder that does not exist yet or is empty.
    """
    from flows.cli.predict import pull_model

    pull_model(model, directory)


@app.command
def promote(model: str, /, *, reason: str, force: Annotated[bool, _FLAG] = False) -> None:
    """Make a version that passed its gate the champion.

    Args:
        model: `name/version` or `name@alias`.
        reason: Why, in one line; it is recorded.
        force: Promote without a passed gate; this is recorded too.
    """
    from flows.cli import promotion

    _print(promotion.promote(model, reason, force))


@app.command
def rollback(model: str, /, *, reason: str) -> None:
    """Swap a model's champion and its previous champion.

    Args:
        model: Registered name.
        reason: Why, in one line; it is recorded.
    """
    from flows.cli import promotion

    _print(promotion.rollback(model, reason))


@app.command
def gc(*, keep: int = 3, dry_run: Annotated[bool, _FLAG] = False) -> None:
    """Delete the files of old versions, except versions with an alias and their ancestors.

    Args:
        keep: Number of newest versions of each model whose files are always kept.
        dry_run: List the files that would be removed, and delete nothing.
    """
    from flows.cli.gc import collect

    _print_rich(collect(keep, dry_run))


app.command(profile.profile)
app.command(push.push)
app.command(search.index)
app.command(search.search_index)
app.command(serve.serve)
app.command(trials.search)
app.command(trials.sweep)
for _command in (stack.up, stack.down, stack.status, stack.logs):
    app.command(_command)


@app.command
def doctor() -> None:
    """Show versions, instruction sets, servers and disk space of this machine."""
    from flows.cli.doctor import machine_table

    _print_rich(machine_table())


def _print_rich(content: object, width: int | None = None) -> None:
    from rich.console import Console  # imported late: `serve` should start fast

    Console(width=width).print(content)


def _print(line: str) -> None:
    if line:
        sys.stdout.write(f"{line}\n")
