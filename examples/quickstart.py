"""Your own strategy on the embedded exchange: quote every market two per cent below what it is worth."""

import time
from fractions import Fraction

import trio

from actors.paper import Paper
from actors.strategy import Quote, View, quoting


def quote(view: View) -> list[Quote]:
    quotes = []
    for selection_id in view.selections if view.live and not view.in_play else ():
        fair = view.fair(selection_id)
        price = view.ladder.paying_at_least(fair - Fraction(2, 100)) if fair else None
        if price is not None:
            quotes.append(Quote(selection_id=selection_id, price=price, size=view.size_for(price, 500)))
    return quotes


if __name__ == "__main__":
    paper = Paper(wall_ns=time.time_ns, strategies={"mine": quoting(quote)})
    print(trio.run(paper.run_on_loopback_for, 3.0).as_text())
