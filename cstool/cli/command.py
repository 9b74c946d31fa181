"""What all commands share: --config, --on-error, and where an error becomes an exit code."""

import contextlib
import dataclasses
import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from cstool import console
from cstool.cli.job import Job
from cstool.errors import CstoolError

_NULL = ("", "null", "~")  # as --print-config writes an option without a value
_SHARED = ("config", "print_config", "on_error", "rejects")


class OnError(StrEnum):
    """What to do with a wrong line."""

    STOP = "stop"
    SKIP = "skip"


class Group(TyperGroup):
    """Turn the user's errors into one line and exit code 1; let our own bugs crash."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the chosen command; a signal or a closed pipe ends it without a traceback."""
        with contextlib.suppress(ValueError):  # not the main thread: the embedder has the signals
            for number in (signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
                    signal.signal(number, _terminate)
        return super().main(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except CstoolError as error:
            console.fail(str(error))
            raise typer.Exit(1) from error
        except BrokenPipeError as error:
            # The reader has gone, as with `| head`: what it did not want is no error of ours.
            # What is still buffered goes nowhere; the code is that of a death by SIGPIPE.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(128 + signal.SIGPIPE) from error


class Command(TyperCommand):
    """A command whose options can also come from a YAML file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; --print-config shows them and asks for nothing that is missing."""
        if "--print-config" in args:
            for param in self.params:
                param.required = False
        rest: list[str] = super().parse_args(ctx, args)
        if ctx.params.get("print_config"):
            _print_config(ctx)
            raise typer.Exit
        return rest


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register `run(job, ...)` as a command; the shared options are added to its own.

    A parameter that is a dataclass stands for its fields: options that several commands have.
    """

    def register(run: Callable[..., None]) -> Callable[..., None]:
        app.command(name, cls=Command)(_with_job(run))
        return run

    return register


def _with_job(run: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(run, eval_str=True).parameters.values()
    given = [p for p in signature if p.name != "job"]
    groups: dict[str, Any] = {
        p.name: p.annotation for p in given if dataclasses.is_dataclass(p.annotation)
    }
    own = [each for p in given for each in _options(p, groups.get(p.name))]
    shared = list(inspect.signature(_shared, eval_str=True).parameters.values())

    @functools.wraps(run)
    def wrapper(ctx: typer.Context, **values: Any) -> None:
        skip, rejects = values["on_error"] is OnError.SKIP, values["rejects"]
        if skip != (rejects is not None):
            raise typer.BadParameter("--on-error skip and --rejects FILE go together")
        settings = {name: value for name, value in values.items() if name not in _SHARED}
        with Job(_path(ctx), settings, rejects) as job:
            rest = dict(settings)
            for name, group in groups.items():
                rest[name] = group(**{f.name: rest.pop(f.name) for f in dataclasses.fields(group)})
            run(job, **rest)

    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [context, *own, *shared]
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    wrapper.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
    del wrapper.__wrapped__  # typer would look through it
    return wrapper


def _options(parameter: inspect.Parameter, group: Any) -> list[inspect.Parameter]:
    if group is None:
        return [parameter]
    kinds = get_type_hints(group, include_extras=True)
    return [
        parameter.replace(name=field.name, default=field.default, annotation=kinds[field.name])
        for field in dataclasses.fields(group)
    ]


def _load_config(ctx: typer.Context, path: Path | None) -> Path | None:
    if path is None or ctx.resilient_parsing:
        return path
    import yaml

    try:
        # BaseLoader: every value is text, and read as on the command line (`no` is Norwegian).
        section: Any = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"{path}: {error}") from error
    parents: Any = ctx.find_root().command
    for name in _path(ctx).split():
        section = section or {}  # nothing, or an empty text
        if not isinstance(section, Mapping) or not set(section) <= set(parents.commands):
            raise typer.BadParameter(f"{path}: options stand under their command, as in '{name}:'")
        section, parents = section.get(name), parents.commands[name]
    if not isinstance(section or {}, Mapping):
        raise typer.BadParameter(f"{path}: {_path(ctx)} is {section!r}, expected its options")
    options = {name.replace("_", "-"): value for name, value in (section or {}).items()}
    known = {_option(param): param for param in ctx.command.params}
    if unknown := sorted(set(options) - (set(known) - {"config", "print-config"})):
        raise typer.BadParameter(f"{path}: {_path(ctx)} has no option {', '.join(unknown)}")
    try:
        ctx.default_map = {
            known[name].name: _as_typed(
                value, several=known[name].nargs == -1 or known[name].multiple
            )
            for name, value in options.items()
            if value not in _NULL
        }
    except ValueError as problem:
        raise typer.BadParameter(f"{path}: {problem}") from problem
    return path


def _option(param: Any) -> str:
    """Name an option as it is typed, without its dashes, and an argument as the code does."""
    name: str = next((opt[2:] for opt in param.opts if opt.startswith("--")), param.name)
    return name.replace("_", "-")


def _as_typed(value: Any, *, several: bool) -> str | list[str]:
    """Give a value as it would be typed: a list with commas, or word by word."""
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise ValueError(f"{value!r} is no value, and no list of values")
    return items if several else ",".join(items)


def _print_config(ctx: typer.Context) -> None:
    import yaml

    from cstool.cli.job import plain

    hidden = ("config", "print_config")
    options: Any = {
        _option(param): plain(ctx.params[param.name])
        for param in ctx.command.params
        if param.name in ctx.params and param.name not in hidden
    }
    for name in reversed(_path(ctx).split()):
        options = {name: options}
    typer.echo(yaml.safe_dump(options, sort_keys=False, allow_unicode=True), nl=False)


def _path(ctx: Any) -> str:
    names = []
    while ctx.parent is not None:
        names.append(ctx.info_name)
        ctx = ctx.parent
    return " ".join(reversed(names))


def _terminate(number: int, frame: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # a second one must not stop the cleaning up
    raise SystemExit(128 + number)  # so that half-written files are removed on the way out


def _shared(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Take options from this YAML file, where they stand under the command's name; "
            "the command line wins.",
            callback=_load_config,
            is_eager=True,
        ),
    ] = None,
    print_config: Annotated[
        bool,
        typer.Option(
            "--print-config",
            help="Print all options with their values as YAML, and stop.",
        ),
    ] = False,
    on_error: Annotated[
        OnError,
        typer.Option(help="At a wrong line: stop, or skip it."),
    ] = OnError.STOP,
    rejects: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --on-error skip: keep wrong lines here."),
    ] = None,
) -> None:
    """Only its signature counts: the options that every command has."""
