"""A strategy as an async function: it waits for views, looks at why liquidity moved, and manages its orders itself."""

import time

import trio

from actors.paper import Paper
from actors.strategy import Desk, View
from protocol.book import Cause
from protocol.commands import TimeInForce
from protocol.prices import implied


async def follow_trades(desk: Desk) -> None:
    """Join whoever was just traded with: take the same selection once for each burst of trades, at the same price."""
    while True:
        for view in await desk.views():
            traded = [change for change in view.market.changes if change.cause is Cause.TRADED]
            if traded and view.live and not view.in_play and not view.orders:
                take(desk, view)


def take(desk: Desk, view: View) -> None:
    """Take up to five dollars of the best price on the selection that pays least."""
    best = [(view.best(selection_id), selection_id) for selection_id in view.selections]
    offered = [(level, selection_id) for level, selection_id in best if level is not None]
    if not offered:
        return
    level, selection_id = min(offered, key=lambda pair: 1 / implied(pair[0].price))
    stake = min(level.takeable, 500)
    if stake >= 100:
        desk.place(view.key, selection_id, level.price, stake, TimeInForce.FILL_OR_KILL)


if __name__ == "__main__":
    paper = Paper(wall_ns=time.time_ns, seed=1, strategies={"followers": follow_trades})
    print(trio.run(paper.run_on_loopback_for, 3.0).as_text())
