"""What the end of a world must be like, when nothing goes wrong any more."""

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from actors.bot import Bot
from actors.entries import Entry, OrderMoved
from actors.exchange.embedded import Embedded
from actors.exchange.faults import Fault
from actors.simulation.auditor import Auditor
from actors.simulation.network import Network
from protocol.ids import ClientOrderId, SelectionId, VenueName
from protocol.money import cents_below
from protocol.order import Order

ROUNDING_CENTS = 1


@attrs.frozen(kw_only=True)
class Verdict:
    """Hold what the bot left behind against the exchanges."""

    auditor: Auditor
    embedded: Mapping[VenueName, Embedded]
    networks: Mapping[VenueName, Network]

    def judge_stop(self, bot: Bot) -> None:
        """The last stop is flat, and what the bot found by REST is what it believed."""
        if not bot.flat:
            self.auditor.violate("not flat", "the last stop was not flat")
        audit = bot.audit()
        if not audit.clean:
            self.auditor.violate("audit", f"{audit}")

    def judge_entries(self, entries: Iterable[Entry]) -> None:
        """The journal has every fill once."""
        newest: dict[VenueName, dict[ClientOrderId, Order]] = {name: {} for name in self.embedded}
        for entry in entries:
            if isinstance(entry, OrderMoved) and entry.strategy:
                newest[entry.venue][entry.order.client_order_id] = entry.order
        for name, orders in newest.items():
            self.auditor.booked(name, orders.values())

    def judge_pace(self) -> None:
        """No venue had to say "too fast", but where a fault made it say so."""
        for name, network in self.networks.items():
            made = self.embedded[name].exchange.faults.happened.get(Fault.THROTTLE, 0)
            if network.throttled > made:
                self.auditor.violate("too fast", f"{name} said so {network.throttled} times, {made} of them by a fault")

    def judge_told(self, bot: Bot, told: Counter[SelectionId], said: Counter[SelectionId]) -> None:
        """What a strategy was told in a single life is true, and so is the profit.

        It was told all that the bot `said` some time before the stop: by then a strategy is gone.
        """
        filled: Counter[SelectionId] = Counter()
        for each in self.embedded.values():
            for order in each.orders():
                filled[order.selection_id] += order.filled
        if not said <= told <= filled:
            self.auditor.violate("told fills", f"{told} told, {said} said, {filled} in truth")
        won = [each.won_micro() for each in self.embedded.values()]
        if None not in won:
            gap = bot.profit_cents - cents_below(sum(each or 0 for each in won))
            if abs(gap) > ROUNDING_CENTS:
                self.auditor.violate("profit", f"{bot.profit_cents} cents told, {gap} of them are not there")
