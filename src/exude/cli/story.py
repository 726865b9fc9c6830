"""`exude story`: one tumour from a calcium rise in one cell to a second site."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from exude.cli.common import Parser, progress, threads_of, write_text

EXAMPLES = """examples:
  exude story                              figure, movie and stages in ./story
  exude story --quick --out first-look     a smaller tissue for one day
  exude story --seed 7 --out another
  exude story --without RAB27A --out rab27a
  exude story --resume                     goes on after Ctrl-C, or draws a finished story again
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "story", help="one tumour from a calcium rise to a second site, in one figure and one movie", epilog=EXAMPLES,
        description="Run one tumour at every scale: calcium and MVBs of one cell, its exosomes on a film, a tumour among "
        "T cells, a patient's body; with and without a gene. Write each stage, story.png, story.svg and story.gif (and "
        "story.mp4 where ffmpeg is), and say what happened in one sentence per scale.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument("--out", type=Path, default=Path("story"), metavar="DIR", help="folder (default: story)")
    p.add_argument("--quick", action="store_true", help="a smaller tissue, one day")
    p.add_argument("--seed", type=int, default=1, metavar="N", help="same seed, same story (default: 1)")
    p.add_argument("--without", default="UNC13D", metavar="GENE", help="what the tumour lacks beside (default: UNC13D)")
    p.add_argument("--threads", type=int, default=0, metavar="N", help="0 takes all cores (default); same result")
    p.add_argument("--resume", action="store_true", help="go on with the story in that folder")
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Run all stages, draw them, say what happened."""
    threads = threads_of(asked.threads)
    from exude.experiment.story import Story, run_story
    from exude.experiment.story_facts import sentences

    story = Story(seed=asked.seed, without=asked.without, quick=asked.quick, threads=threads)
    with progress("the story") as bar:
        told = run_story(story, asked.out, resume=asked.resume, progress=bar)
    said = sentences(told)
    for text in said.values():
        print(text)
    from exude.show.story_figure import story_figure
    from exude.show.story_movie import story_movie
    from exude.show.style import save

    written = [write_text(asked.out / "story.txt", "\n".join(said.values()) + "\n")]
    written += save(story_figure(told), asked.out / "story")
    kinds = (".gif", ".mp4") if shutil.which("ffmpeg") else (".gif",)
    with progress("the movie") as bar:
        written += [story_movie(told, asked.out / f"story{kind}", bar) for kind in kinds]
    print(f"written: {', '.join(str(path) for path in written)}")
