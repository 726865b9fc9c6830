"""The body around a piece of tissue: its blood, its second site and its draining node, coarse and well mixed.

The tissue hands over what leaves it (tumour cells and exosomes through vessel walls, exosomes and dead cells through
lymph) and gets T cells of the blood.
"""

from exude.cascade.body import NODE, SPREAD
from exude.cascade.vessels import LEAVING
from exude.model import DEAD, LEFT, Body, Port

HOST = Body(
    name="host",
    levels=(*SPREAD.levels, *NODE.levels),
    definitions=(*SPREAD.definitions, *NODE.definitions),
    stocks=(*SPREAD.stocks, *NODE.stocks),
    flows=(*SPREAD.flows, *NODE.flows),
)
PORTS = (
    Port("ctc", cells=LEFT, kinds=LEAVING),
    Port("blood_exosomes", field="exosomes_in_vessels"),
    Port("node_exosomes", field="exosomes_lost", share="drained_share"),
    Port("antigen", cells=DEAD, kinds=LEAVING, share="antigen_share"),
)
"""What the tissue hands over."""
