"""Bugs that the simulation must find, each a small change of the source."""

import attrs

LEDGER = "actors/decisions/ledger.py"
GUARD = "actors/decisions/guard.py"
CALLER = "actors/io/caller.py"
SAFE_STOP = "actors/safe_stop.py"
ORDER = "protocol/order.py"


@attrs.frozen
class Mutant:
    """A piece of text that is in a source file exactly once, and what a bug makes of it."""

    name: str
    what: str
    file: str  # below the root, with forward slashes
    before: str
    after: str


PLACING = (
    Mutant(
        "lost_answer_means_not_sent",
        "a placement whose answer was lost counts as one that never left",
        "actors/gateway.py",
        "sent = not isinstance(error, NotSent)",
        "sent = False",
    ),
    Mutant(
        "unknown_means_absent",
        "an order without an answer counts as absent at once",
        LEDGER,
        "tracked.order.move(OrderStatus.UNKNOWN, reason)",
        "tracked.order.move(OrderStatus.UNKNOWN, reason).move(OrderStatus.ABSENT)",
    ),
    Mutant(
        "unknown_releases_exposure",
        "what is not known of is not at risk",
        ORDER,
        "RESTABLE = frozenset({NEW, UNKNOWN, PENDING, OPEN})",
        "RESTABLE = frozenset({NEW, PENDING, OPEN})",
    ),
    Mutant(
        "resent_with_a_new_id",
        "an order that may exist already is sent again under another name",
        LEDGER,
        "        yield tracked.command\n",
        "        again = ClientOrderId(f'{tracked.command.client_order_id}-again{tracked.resends}')\n"
        "        self.orders[again] = tracked\n"
        "        yield attrs.evolve(tracked.command, client_order_id=again)\n",
    ),
    Mutant(
        "server_error_means_rejected",
        "a server's error on placing counts as a rejection, though it may have placed the order",
        "protocol/prophetx/codes.py",
        "                500,\n                Policy.OUTCOME_UNKNOWN,",
        "                500,\n                Policy.TERMINAL,",
    ),
    Mutant(
        "bad_gateway_means_rejected",
        "any answer that is no yes counts as a rejection, though the order may have been placed",
        "protocol/satoriex/codes.py",
        "if status == 408 or not 400 <= status < 500:\n        return Policy.OUTCOME_UNKNOWN",
        "if status == 408 or not 400 <= status < 500:\n        return Policy.TERMINAL",
    ),
)

PROOF = (
    Mutant(
        "any_copy_proves_absence",
        "a lagging copy of the history proves that an order never arrived",
        LEDGER,
        "elif younger(page, self._provable_s(tracked), now_s, wall_ns) and not tracked.arrived:",
        "elif not tracked.arrived:",
    ),
    Mutant(
        "failed_history_is_empty",
        "a history that could not be read counts as one without orders",
        LEDGER,
        "        result = message.result\n        if not isinstance(result, OrderPage):",
        "        result = message.result\n"
        "        if not isinstance(result, OrderPage):\n"
        "            result = OrderPage(orders=(), synced_at_ns=wall_ns + 10**10)\n"
        "        if not isinstance(result, OrderPage):",
    ),
    Mutant(
        "every_copy_is_young",
        "a copy of the orders counts as newer than what it is asked about, whatever it says",
        "actors/decisions/doubts.py",
        "    return page.synced_at_ns is None or (page.synced_at_ns - wall_ns) / 1e9 >= since_s - now_s",
        "    return True",
    ),
    Mutant(
        "lost_window_too_short",
        "an order that was lost is looked for in the last minute alone",
        "actors/decisions/doubts.py",
        "            from_s = now - _ago(self.lost_since_s, now_s) - CLOCK_SKEW_S",
        "            from_s = now - CLOCK_SKEW_S",
    ),
    Mutant(
        "lost_order_taken_for_a_strangers",
        "an order of ours that a list shows without its name is taken for somebody else's",
        "actors/decisions/claims.py",
        "        left = list(alike)\n        for each in lost:\n",
        "        left = list(alike)\n        for each in ():\n",
    ),
)

CANCELLING = (
    Mutant(
        "cancel_wish_lost",
        "what a strategy wants cancelled is not",
        "actors/risk.py",
        "inbox.put(CancelWanted(client_order_id))",
        "pass",
    ),
    Mutant(
        "cancel_sent_means_cancelled",
        "an order is believed gone as soon as its cancel leaves",
        LEDGER,
        "            tracked.cancelling = True\n",
        "            tracked.cancelling = True\n"
        "            yield from self._register.change(tracked, order.move(OrderStatus.CANCELLED), now_s)\n",
    ),
    Mutant(
        "cancel_refused_means_cancelled",
        "a cancel that came too late counts as one that was in time",
        LEDGER,
        "                tracked.refused = min(tracked.refused + 1, MAX_REFUSED)\n",
        "                order = tracked.order.move(OrderStatus.CANCELLED)\n"
        "                yield from self._register.change(tracked, order, now_s)\n"
        "                return\n",
    ),
    Mutant(
        "lost_cancel_forgotten",
        "a cancel without an answer is not sent again",
        LEDGER,
        "            case VenueError() | AnswerLost():\n                tracked.cancel_at_s = now_s + RETRY_SOON_S",
        "            case VenueError() | AnswerLost():\n                tracked.cancel_at_s = math.inf",
    ),
    Mutant(
        "kill_cancels_nothing",
        "the kill switch leaves everything resting",
        "actors/risk.py",
        "                    inbox.put(CancelEverything())\n",
        "                    pass\n",
    ),
)

FILLS = (
    Mutant(
        "fill_applied_twice",
        "a report that comes twice books its fill twice",
        ORDER,
        "increase = report.filled - self.filled",
        "increase = report.filled",
    ),
    Mutant(
        "wiped_order_rests",
        "an order that the venue wiped is believed to rest",
        "protocol/prophetx/reading.py",
        '"wiped": OrderStatus.WIPED',
        '"wiped": OrderStatus.OPEN',
    ),
    Mutant(
        "winners_and_losers_swapped",
        "a result is booked the wrong way round",
        "actors/decisions/results.py",
        "result=Result.WON if won else Result.LOST",
        "result=Result.LOST if won else Result.WON",
    ),
    Mutant(
        "commission_forgotten",
        "winnings are booked without the commission on them",
        "actors/decisions/results.py",
        "net -= micro(cents_below(max(net, 0) * self.commission_bp // BASIS_POINTS))",
        "net -= 0",
    ),
    Mutant(
        "sale_fee_forgotten",
        "sales are booked without their fee",
        "protocol/wallet.py",
        "return fees - order.gain_micro",
        "return -order.gain_micro",
    ),
    Mutant(
        "stakes_count_as_free",
        "money that is staked counts as free",
        "protocol/prophetx/answers.py",
        'micro(cents_received(record.balance, "balance") - taken)',
        'micro(cents_received(record.balance, "balance"))',
    ),
)

BOOKS = (
    Mutant(
        "ended_event_still_quoted",
        "the books of an event that is over stay open",
        "actors/router.py",
        "        for key in self._keys(event_id):\n            self._close(key)\n",
        "",
    ),
    Mutant(
        "levels_upside_down",
        "the worst price of a book counts as its best",
        "protocol/prophetx/reading.py",
        "key=lambda level: -american(level)",
        "key=american",
    ),
    Mutant(
        "asks_and_bids_swapped",
        "what can be bought and what can be sold change places",
        "protocol/satoriex/answers.py",
        "Side(selection_id=buying(key), levels=buys), Side(selection_id=selling(key), levels=sales)",
        "Side(selection_id=buying(key), levels=sales), Side(selection_id=selling(key), levels=buys)",
    ),
)

LIMITS = (
    Mutant(
        "halt_ignored",
        "orders leave though trading was halted",
        GUARD,
        "return self.closing or bool(self.latches)",
        "return self.closing",
    ),
    Mutant(
        "daily_loss_ignored",
        "trading goes on past the daily loss limit",
        GUARD,
        "if lost >= micro(self.limits.daily_loss_cents):",
        "if False:",
    ),
    Mutant(
        "dead_book_traded",
        "orders leave for a book that is not live",
        GUARD,
        "if not view.live or view.epoch != standing.epoch:",
        "if view.epoch != standing.epoch:",
    ),
    Mutant(
        "epoch_not_checked",
        "orders leave for a book of a session that is gone",
        GUARD,
        "if not view.live or view.epoch != standing.epoch:",
        "if not view.live:",
    ),
    Mutant(
        "epoch_never_changes",
        "a new session cannot be told from the one before",
        "actors/relay.py",
        "        self._epoch += 1",
        "        self._epoch = 1",
    ),
    Mutant(
        "market_limit_ignored",
        "a market may lose any amount",
        GUARD,
        "if after > micro(self.limits.market_cents):",
        "if False:",
    ),
    Mutant(
        "event_limit_ignored",
        "an event may lose any amount",
        GUARD,
        "if self.exposure.event_micro(order.key.event_id) + more > micro(self.limits.event_cents):",
        "if False:",
    ),
    Mutant(
        "account_limit_ignored",
        "the account may lose any amount",
        GUARD,
        "if self.exposure.account_micro + more > micro(self.limits.account_cents):",
        "if False:",
    ),
    Mutant(
        "open_orders_without_limit",
        "any number of orders may rest",
        GUARD,
        "if self.open_orders >= self.limits.open_orders:",
        "if False:",
    ),
    Mutant(
        "stakes_without_limit",
        "one order may stake any amount",
        GUARD,
        "if cost > micro(self.limits.max_stake_cents):",
        "if False:",
    ),
    Mutant(
        "checked_but_not_reserved",
        "an order counts against the limits only once it was answered",
        GUARD,
        "            self.change(order, standing.traits.venue, now_s, day)\n",
        "",
    ),
    Mutant(
        "resting_orders_risk_nothing",
        "only what is matched counts against the limits",
        "protocol/exposure.py",
        "resting = cost_micro(order.price, rest) + part_above(gain_micro(order.price, rest), fee_bp)",
        "resting = 0",
    ),
    Mutant(
        "risk_not_told_of_a_lost_session",
        "orders leave while there is no session",
        "actors/seat.py",
        "        self.risk.put(SessionLost(self.name, epoch, str(failure)))\n",
        "",
    ),
)

MANNERS = (
    Mutant(
        "questions_pile_up",
        "what is to be asked is left where nobody takes it, and nothing is ever too much",
        "actors/seat.py",
        "            asking=asking,\n            restarts=self._restarts,\n",
        "            asking=Mailbox('unread', math.inf),\n            restarts=self._restarts,\n",
    ),
    Mutant(
        "secret_in_the_log",
        "the secret that logs in is written to the log",
        CALLER,
        'log.info("logged_in")',
        'log.info("logged_in", secret=self.credentials.secret)',
    ),
    Mutant(
        "secret_in_a_detail",
        "the secret that logs in is written to the log, for those who debug",
        CALLER,
        'log.info("logged_in")',
        'log.debug("logged_in", secret=self.credentials.secret)',
    ),
    Mutant(
        "secret_in_a_crash",
        "a bug tells the secret that logs in",
        CALLER,
        'log.info("logged_in")',
        "raise KeyError(self.credentials.secret)",
    ),
    Mutant(
        "heartbeat_not_watched",
        "a session goes on without the venue's heartbeat",
        "actors/watchdog.py",
        '            raise SessionFailed(f"no health check for {self.heartbeat_timeout_s:g} s")',
        "            self.pulse.beat(now_s)",
    ),
    Mutant(
        "pong_not_awaited",
        "a session goes on with a peer that answers nothing",
        "actors/watchdog.py",
        '            raise SessionFailed("no pong", Reconnect.AT_ONCE)',
        "            self.pulse.heard(now_s)",
    ),
    Mutant(
        "cents_for_dollars",
        "a stake is a hundred times what was meant",
        "protocol/prophetx/rest.py",
        "        quantity=decimal(order.size),",
        "        quantity=decimal(order.size * 100),",
    ),
    Mutant(
        "odds_without_a_sign",
        "a favourite is backed at an outsider's odds",
        "protocol/prophetx/rest.py",
        "        price=order.price,",
        "        price=abs(order.price),",
    ),
    Mutant(
        "sale_at_the_buyers_price",
        "a sale leaves at the price of the opposite outcome",
        "protocol/satoriex/names.py",
        "return SELL, BASIS_POINTS - price.bp",
        "return SELL, price.bp",
    ),
)

STOPPING = (
    Mutant(
        "connections_stay_open",
        "what speaks HTTP is never closed",
        "actors/io/http.py",
        "    async with httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False) as client:\n    ",
        "    for client in [httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False)]:\n    ",
    ),
    Mutant(
        "stop_does_not_cancel",
        "a stop leaves everything resting",
        SAFE_STOP,
        "        self.inbox.put(CancelEverything())\n",
        "",
    ),
    Mutant(
        "stop_does_not_wait",
        "a stop ends before anything is proved",
        SAFE_STOP,
        "            await self._flatten()\n",
        "",
    ),
    Mutant(
        "orders_leave_during_the_stop",
        "strategies go on while everything is cancelled",
        "actors/bot.py",
        "                    strategies.cancel_scope.cancel()\n",
        "                    await self._each_seat(lambda seat: seat.stop.wind_down())\n"
        "                    strategies.cancel_scope.cancel()\n",
    ),
)

RESTARTING = (
    Mutant(
        "journal_fails_by_itself",
        "every entry counts as one that waited too long",
        "actors/journal.py",
        "if waited_s > LAG_S:",
        "if waited_s >= 0:",
    ),
    Mutant(
        "intent_sent_before_it_is_on_disk",
        "an order leaves before the journal holds it",
        "actors/tracker.py",
        "            then=lambda: self._place(queued),\n",
        "            then=self._place(queued) or (lambda: None),\n",
    ),
    Mutant(
        "orders_forgotten_on_restart",
        "a new process knows nothing of the orders of the one before",
        "actors/seat.py",
        "            memory=self.memory.recalled,",
        "            memory=(),",
    ),
    Mutant(
        "sent_order_absent_on_restart",
        "an order that was under way when the process died counts as never sent",
        LEDGER,
        '            order = order.move(OrderStatus.UNKNOWN, "the process ended before an answer came")',
        "            order = order.move(OrderStatus.UNKNOWN).move(OrderStatus.ABSENT)",
    ),
    Mutant(
        "latches_forgotten_on_restart",
        "a new process trades though the one before was halted",
        GUARD,
        "        self.latches = dict(memory.latches)",
        "        self.latches = {}",
    ),
    Mutant(
        "latch_not_written",
        "a halt is not put on the disk",
        GUARD,
        "            self.notes.append(Latched(latch=latch, reason=reason))\n",
        "",
    ),
    Mutant(
        "ids_repeat_after_a_restart",
        "a new process gives its orders the ids of the one before",
        "actors/journal.py",
        'f"{self.store.name}-{self.store.run}{self.store.mark}"',
        'f"{self.store.name}-1"',
    ),
)

MUTANTS: tuple[Mutant, ...] = PLACING + PROOF + CANCELLING + FILLS + BOOKS + LIMITS + MANNERS + STOPPING + RESTARTING
