"""Outside the cell: exosomes and what rides on them, free or held by matrix, taken up or lost; and the matrix itself.

What is moved and lost is counted: every field's balance closes.
"""

from exude.model import Chapter, Definition, Deposit, Field, Level, Reaction, Release


def riding(symbol: str, copies: str, meaning: str) -> Chapter:
    """Fields, reactions and releases of something that rides on exosomes and shares their fate.

    `copies`: text of how many (item) a fusion sets free. Fields: `exosomal_X` and `bound_X` on free and on held
    exosomes, `X_gone` with those that were taken up or lost (uM).
    """
    free, held, gone = f"exosomal_{symbol}", f"bound_{symbol}", f"{symbol}_gone"
    return Chapter(
        name=symbol,
        fields=(
            Field(free, "uM", diffusion="exosome_mobility", meaning=f"{meaning} on free exosomes"),
            Field(held, "uM", meaning=f"{meaning} on exosomes held by matrix"),
            Field(gone, "uM", meaning=f"{meaning} that went with exosomes taken up or lost"),
        ),
        reactions=(
            Reaction(f"binding of {symbol}", f"binding * {free}", {free: -1, held: 1}),
            Reaction(f"unbinding of {symbol}", f"k_unbind * {held}", {held: -1, free: 1}),
            Reaction(f"uptake of {symbol}", f"uptake * {free}", {free: -1, gone: 1}),
            Reaction(f"gathering of {symbol}", f"uptake_bound * {held}", {held: -1, gone: 1}),
            Reaction(f"loss of {symbol}", f"loss * {free}", {free: -1, gone: 1}),
        ),
        releases=(
            Release(free, f"(1 - held_share) * substance_of_one * ({copies})"),
            Release(held, f"held_share * substance_of_one * ({copies})"),
        ),
    )


EXTRACELLULAR = Chapter(
    name="extracellular",
    levels=(
        Level("uptake_ease", meaning="uptake of exosomes by this kind of cell, tumour cell 1"),
        Level("uptake_free", meaning="uptake of exosomes that inhibitors leave"),
        Level("confinement", meaning="layer that cells stand in over the film of matrix below it: what the film holds"),
        Level("open_medium", normal=0.0, meaning="1 where exosomes can leave into medium above"),
    ),
    definitions=(
        Definition(
            "exosome_mobility",
            "exosome_diffusion / (1 + collagen / half_hindrance)",
            "um**2/s",
            why="exosomes are slower in dense matrix",
        ),
        Definition(
            "substrate", "collagen * confinement", "uM", why="a film is thinner than the layer fields stand for"
        ),
        Definition("binding", "k_bind * substrate", "1/s"),
        Definition("escape", "k_escape * open_medium", "1/s"),
        Definition("loss", "k_exosome_loss + escape", "1/s"),
        Definition(
            "uptake",
            "most_uptake * takers / (half_uptake + exosomes)",
            "1/s",
            why="uptake saturates: each cell takes at most most_uptake",
        ),
        Definition(
            "uptake_bound",
            "surfing_share * most_uptake * takers / (half_uptake + bound_exosomes)",
            "1/s",
            why="cells also gather exosomes that stick to matrix",
        ),
    ),
    fields=(
        Field("exosomes", "item/um**3", diffusion="exosome_mobility", meaning="exosomes free to move"),
        Field("bound_exosomes", "item/um**3", meaning="exosomes held by matrix"),
        Field("exosomes_taken", "item/um**3", meaning="exosomes taken up by cells here so far"),
        Field("exosomes_lost", "item/um**3", meaning="exosomes that fell apart or left with the medium so far"),
        Field("collagen", "uM", start="collagen_start", meaning="intact collagen or gelatin"),
        Field("fragments", "uM", meaning="collagen cut so far"),
    ),
    reactions=(
        Reaction("binding", "binding * exosomes", {"exosomes": -1, "bound_exosomes": 1}),
        Reaction("unbinding", "k_unbind * bound_exosomes", {"bound_exosomes": -1, "exosomes": 1}),
        Reaction("uptake", "uptake * exosomes", {"exosomes": -1, "exosomes_taken": 1}, because=("Heusermann2016",)),
        Reaction("gathering", "uptake_bound * bound_exosomes", {"bound_exosomes": -1, "exosomes_taken": 1}),
        Reaction("loss", "loss * exosomes", {"exosomes": -1, "exosomes_lost": 1}),
    ),
    deposits=(
        Deposit("cells", "item/um**3", amount="one_cell"),
        Deposit("takers", "item/um**3", amount="one_cell * uptake_ease * uptake_free"),
    ),
    releases=(
        Release("exosomes", "(1 - held_share) * ilv"),
        Release("bound_exosomes", "held_share * ilv"),
    ),
)
