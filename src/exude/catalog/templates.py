"""First versions of files of one's own: every key with a word on it, and blanks that are refused until they are filled."""

from __future__ import annotations

from string import Template

DRUG = """# A drug of your own. Fill in what says FILL IN, then:  exude --catalogue FOLDER show "$name"
name = "$name"
aliases = []
kind = "drug"                       # or "stimulus"
summary = "FILL IN: what it does, in one sentence"
dose_unit = "uM"                    # every dose and every potency is in this unit
usual_dose = "1 uM"
notes = ""                          # off-targets that are left out, what was not seen

[[effects]]                         # one table per target
target = "FILL IN: a gene or condition of the model (exude list genes)"
mode = "inhibit"                    # or "activate", "add", "chelate"

[effects.potency]                   # dose of half the effect
value = 1.0
unit = "uM"
spread = { kind = "lognormal", sd = 1.0 }   # sd of the natural logarithm; or kind = "range", low, high; "unknown"
status = "assumed"                  # "measured" (in this system), "transferred" (elsewhere), "derived": then cite
# source = ["Author2020"]           # with a [references.Author2020] below
# place = "table 1"                 # where in the source it stands
# seen = "T"                        # T full text, A abstract, L legend, S second-hand, C code or data
obtained = "FILL IN: where the number comes from, or why you assume it"

[effects.hill]                      # steepness: effect = maximum dose^hill / (potency^hill + dose^hill)
value = 1.0
unit = ""
spread = { kind = "lognormal", sd = 0.3 }
status = "assumed"
obtained = "simple binding assumed"

[effects.maximum]                   # share of the target that a high dose takes away
value = 1.0
unit = ""
spread = { kind = "range", low = 0.8, high = 1.0 }
status = "assumed"
obtained = "complete effect assumed at a saturating dose"

# [references.Author2020]
# author = "Author A and Other B"
# year = "2020"
# journal = "J Cell Biol"
# doi = "10.1000/xyz"
"""

LINE = """# A cell line of your own. Fill in what says FILL IN, then:  exude --catalogue FOLDER simulate "$name"
name = "$name"
aliases = []
tissue = "FILL IN"
origin = "FILL IN: species, tumour, where you have it from"
aggressiveness = "unknown"
reference = "MDA-MB-231"            # the line that has every level at 1
notes = ""

# One table per protein that you know (exude list genes); a gene that is not named has the reference line's level.
[levels.UNC13D]
value = 1.0                         # amount relative to the reference line
unit = ""
spread = { kind = "lognormal", sd = 0.3 }   # sd of the natural logarithm
status = "assumed"                  # "measured", "derived", "transferred": then add source, place, seen
obtained = "FILL IN: blot, mass spectrometry or RNA; how it was made relative; or why you assume it"
"""

PAPER = """# Findings of one paper. Decide claim, role and rule before you ask the model, and keep the file under version control.
source = "$name"                    # the key of its reference, below
notes = "FILL IN: what of the paper you have seen: full text, abstract, figure legends"

[references.$name]
author = "FILL IN"
year = "FILL IN"
journal = ""
doi = ""

[[findings]]                        # one table per observation
id = "${name}_1"
says = "FILL IN: the observation in one sentence"
assay = "exosome_blot"              # exude list assays
lines = ["MDA-MB-231"]
condition = ["knock-down RAB27A=0.1"]       # as options of exude simulate: 'drug GW4869 10 uM at 0 min'
condition_seen = "FILL IN: how the paper states it, and what of it is your choice"
reference_condition = []            # what it is compared with; empty: untreated cells
# kind: "direction" (direction = "up" or "down"), "fold" (low, high), "value" (low, high, unit), "absence" (below)
relation = { kind = "direction", direction = "down" }
role = "hold-out"                   # nothing is fitted to it
scored = true
rule = "A direction agrees when 97.5 % of the parameter draws show it."
seen = "A"                          # T full text, A abstract, L legend, S second-hand
place = "FILL IN: where in the paper"

[findings.measure]                  # how the assay is read
variable = "band"                   # exude assay exosome_blot RUN.nc shows the names
select = { fraction = "medium", mark = "CD63" }
start = "0 h"                       # fresh medium
stop = "24 h"                       # harvest
"""

GENE = """# A gene of your own: what it multiplies in the cell. Fill in what says FILL IN, then:
#   exude --catalogue FOLDER simulate MDA-MB-231 --knock-down $name=0.1
symbol = "$name"
meaning = "FILL IN: what the protein does"
varies = true                       # differs from cell to cell
because = []                        # keys of references
notes = ""

[multiplies]                        # transition or definition -> factor that is 1 where the level is 1 (docs/model.md)
priming = "saturate($name, half_$lower)"

[parameters.half_$lower]
value = 0.5
unit = ""
spread = { kind = "lognormal", sd = 0.7 }
status = "assumed"
obtained = "FILL IN: where the number comes from, or why you assume it"
meaning = "Level of $name at which the step runs at half of what any amount of it allows."

# One table per line whose level you know; 1 in the others.
# [levels."MCF-7"]
# value = 0.5
# unit = ""
# spread = { kind = "lognormal", sd = 0.3 }
# status = "assumed"
# obtained = "..."
"""

MECHANISM = """# A rival mechanism: numbers that differ, or texts in the place of others. Fill in what says FILL IN, then:
#   exude --catalogue FOLDER simulate MDA-MB-231 --hypothesis "$name"
name = "$name"
says = "FILL IN: the mechanism in one sentence"
because = []                        # keys of references
notes = ""

[values]                            # parameter = value with its unit (exude list parameters)
need_c2a = 0.0

# [texts]                           # transition or definition = its new rate text (docs/model.md)
# fusion = "spontaneous"
"""

ASSAY = '''"""$name: an assay of your own. Use it with `exude assay $file RUN.nc`."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import xarray as xr

from exude.engine.result import Run
from exude.experiment.assays.base import AbstractCultureAssay
from exude.experiment.assays.medium import final, in_medium
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import WHOLE, Window, named, span


@dataclass(frozen=True)
class $name(AbstractCultureAssay):
    """FILL IN: what it reads, in one sentence.

    window: fresh medium at its start, harvest at its stop, in s.
    """

    _: KW_ONLY
    window: Window = WHOLE
    cv: float = 0.2
    """Coefficient of variation between cultures: FILL IN where from."""
    floor: float = 1.0
    """Smallest signal above background, in the unit of the reading."""
    purpose: ClassVar[int] = 9001  # a number of your own: its noise draws from its own stream
    reads: ClassVar[str] = "exosomes"

    @property
    def noise(self) -> Lognormal:
        """The instrument's noise."""
        return Lognormal(self.cv, self.floor)

    def signal(self, run: Run) -> xr.DataArray:
        """What each cell adds to the reading, (cell,)."""
        exosomes = final(in_medium(run, self.numbers, span(run, self.window)))
        return named(exosomes, "exosomes per cell", "exosomes in the medium")

    def derived(self, readings: xr.Dataset) -> xr.Dataset:
        """Nothing is computed from the reading."""
        return readings
'''

TEMPLATES = {"drug": DRUG, "line": LINE, "paper": PAPER, "gene": GENE, "mechanism": MECHANISM, "assay": ASSAY}
"""What `exude new` can write."""


def template(kind: str, name: str, file: str = "") -> str:
    """The first version of a file of one of `TEMPLATES`, under a name; file: what it will be called."""
    return Template(TEMPLATES[kind]).substitute(name=name, lower=name.lower(), file=file)
