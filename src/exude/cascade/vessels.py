"""Vessels in a tumour: oxygen comes and exosomes go through their walls, T cells enter, tumour cells leave.

Vessels are so much surface per volume, and stay where they are. Exosomes make their walls leaky, which lets more
tumour cells in: entry = k_enter x vessels x (1 + entry_gain_leak E / (half_leak + E)).
"""

from exude.model import LEFT, Arrival, Chapter, Definition, Event, Field, Level, Reaction

LEAVING = ("tumour", "transformed")
"""Kinds that enter vessels."""


def vessels(*riders: str) -> Chapter:
    """The chapter for a model in which these ride on exosomes, and leave with them."""
    return Chapter(
        name="vessels",
        levels=(Level("blood_t", "item", normal=0.0, meaning="T cells in the blood of the body around"),),
        definitions=(
            Definition("leaky", "1 + entry_gain_leak * hill(exosomes, half_leak, 1)"),
            Definition("through_walls", "exosome_wall * vessels", "1/s"),
        ),
        fields=(
            Field("vessels", "1/um", meaning="surface of vessels per volume"),
            Field("exosomes_in_vessels", "item/um**3", meaning="exosomes that went into the blood here so far"),
        ),
        reactions=(
            Reaction("oxygen from vessels", "oxygen_wall * vessels * oxygen_blood", {"oxygen": 1}),
            Reaction("oxygen into vessels", "oxygen_wall * vessels * oxygen", {"oxygen": -1}),
            Reaction(
                "exosomes into vessels", "through_walls * exosomes", {"exosomes": -1, "exosomes_in_vessels": 1},
                because=("Dogra2020",),
            ),
            *(
                Reaction(f"{x} into vessels", f"through_walls * exosomal_{x}", {f"exosomal_{x}": -1, f"{x}_gone": 1})
                for x in riders
            ),
        ),
        events=tuple(
            Event(f"entry of {kind}", kind, "k_enter * vessels * leaky", LEFT, because=("ButlerGullino1975", "Ghoroghi2021"))
            for kind in LEAVING
        ),
        arrivals=(Arrival("t_cell", "t_arrival * vessels * blood_t", out_of="blood_t"),),
    )  # fmt: skip
