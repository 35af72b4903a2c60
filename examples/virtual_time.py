"""A strategy tested in virtual time: an hour of trading, with everything going wrong, in a few seconds."""

import trio
import trio.testing

from actors.exchange.embedded import OpenProphetX
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.paper import Paper

EPOCH_NS = 1_790_000_000 * 10**9


async def an_hour() -> None:
    settings = ExchangeSettings(events=1, crowd_actions_per_s=0.1, go_live_s=1500.0, settle_s=600.0)
    paper = Paper(
        wall_ns=lambda: EPOCH_NS + int(trio.current_time() * 1e9),
        seed=1,
        venues=(OpenProphetX(settings=settings),),
        faults="all",
        fault_scale=40.0,
    )
    summary = await paper.run_in_memory_for(3600.0)
    print(summary.as_text())
    assert summary.ok


if __name__ == "__main__":
    trio.run(an_hour, clock=trio.testing.MockClock(autojump_threshold=0))
