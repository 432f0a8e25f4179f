"""`cofeat`: finds the subcommand, runs it, and turns our errors into one line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from cofeat import __version__
from cofeat.cli.failure import print_error
from cofeat.errors import CofeatError, MissingPackageError
from cofeat.registry import nearest

# In the order in which one meets them. Each names a module beside this one
# with HELP, add_arguments(parser) and run(arguments) -> exit status; heavy
# imports belong inside its run.
COMMANDS = (
    "demo",
    "reproduce",
    "data",
    "train",
    "eval",
    "fit",
    "export",
    "compress",
    "decompress",
    "predict",
    "serve",
    "edge",
    "profile",
    "plan",
    "inspect",
    "bench",
    "bd",
    "report",
    "info",
)

# Those that go on where they were stopped.
RESUMING = ("train", "reproduce")

# Exit statuses: ours for wrong input, the shell's habit for an interrupt; experiment.STOPPED
# is that of a training which goes on later.
WRONG_INPUT = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _parse(words)
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except CofeatError as error:
        return _fail(error)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "cofeat"):
            raise  # a fault of ours
        return _fail(MissingPackageError(package, "train", "this command"))
    except KeyboardInterrupt:
        later = "; the same command goes on from here" if words[0] in RESUMING else ""
        print(f"\ncofeat: interrupted{later}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`cofeat ... | head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(error)


class _Parser(argparse.ArgumentParser):
    """One that tells what is wrong in one line, as every other error is told."""

    def error(self, message: str) -> NoReturn:
        """End with status 2; the usage is what ``--help`` is for."""
        self.exit(WRONG_INPUT, f"cofeat: error: {message} (see {self.prog} --help)\n")


def _fail(error: CofeatError | OSError) -> int:
    print_error(error)
    return WRONG_INPUT


def _parse(words: Sequence[str]) -> argparse.Namespace:
    """Parse the words; a recipe's overrides may stand before and after options."""
    parser = _parser(words)
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        near = nearest(words[0], COMMANDS)
        parser.error(f"there is no command '{words[0]}': use one of {', '.join(COMMANDS)}.{near}")
    arguments, rest = parser.parse_known_args(words)
    strange = [word for word in rest if word.startswith("-") or "=" not in word]
    if rest and (strange or not hasattr(arguments, "overrides")):
        parser.error(f"unrecognized arguments: {' '.join(strange or rest)}")
    if rest:
        arguments.overrides = [*arguments.overrides, *rest]
    return arguments


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="cofeat",
        description="Share one neural network between a device and the cloud: "
        "train, measure and compress the features in the middle.",
    )
    parser.add_argument("--version", action="version", version=f"cofeat {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    # Only the command that is called is loaded; all of them for help and errors.
    wanted = words[0] if words and words[0] in COMMANDS else None
    for name in COMMANDS if wanted is None else (wanted,):
        module = _load(name)
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _load(name: str) -> ModuleType:
    return importlib.import_module(f"cofeat.cli.{name}")
