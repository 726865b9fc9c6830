"""The command line, read from its own parser."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from exude.cli.main import parser
from generate.markup import code, table, typed

PATH = "reference/commands.md"
TITLES = {"positional arguments": "Arguments"}
REMARK = re.compile(r" {2,}")
"""What parts an example from a remark on it."""


def pages() -> dict[str, str]:
    """The page of the command line."""
    top = parser()
    text = f"# Commands\n\n{typed(top.description or '')}\n\n{_examples(top)}\n"
    rows = ((f"[`exude {name}`](#command-{name})", typed(said)) for name, _, said in commands(top))
    text += table(("command", "what it does"), rows)
    return {PATH: text + "".join(section(name, given) for name, given, _ in commands(top))}


def commands(top: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    """(name, parser, what it does) of every command, commands of commands after their own."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            said = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, given in action.choices.items():
                full = given.prog.removeprefix("exude ")
                yield full.replace(" ", "-"), given, said.get(name, "")
                yield from commands(given)


def section(name: str, given: argparse.ArgumentParser) -> str:
    """One command: what it does, its options by group, its examples."""
    parts = [f"\n(command-{name})=\n## {given.prog}\n\n{typed(given.description or '')}\n\n"]
    for group in given._action_groups:
        rows = [
            _row(a)
            for a in group._group_actions
            if a.help != argparse.SUPPRESS and not isinstance(a, argparse._HelpAction)
        ]
        title = typed(TITLES.get(group.title or "", (group.title or "").capitalize()))
        parts.append(f"**{title}**\n\n{table(('argument', 'what it is'), rows)}\n" if rows else "")
    return "".join(parts) + _examples(given)


def _row(action: argparse.Action) -> tuple[str, str]:
    choices = "|".join(map(str, action.choices or ()))
    metavar = action.metavar if isinstance(action.metavar, str) else choices or action.dest.upper()
    takes = "" if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction) else f" {metavar}"
    names = ", ".join(action.option_strings)
    said = (action.help or "") % {**vars(action), "prog": "exude"} if "%" in (action.help or "") else action.help or ""
    return code(f"{names}{takes}") if names else code(metavar), typed(said)


def _examples(given: argparse.ArgumentParser) -> str:
    found = (line.strip() for line in (given.epilog or "").splitlines() if line.strip().startswith("exude "))
    lines = [REMARK.sub("  # ", line, count=1) for line in found]
    return "```console\n" + "\n".join(f"$ {line}" for line in lines) + "\n```\n" if lines else ""
