"""Orders in, trades out: acceptance, and matching a while later."""

from collections.abc import Callable
from random import Random

import attrs

from actors.exchange.agenda import Agenda
from actors.exchange.satoriex import admission
from actors.exchange.satoriex.accounts import Account, House
from actors.exchange.satoriex.markets import Market, Outcome, Stage, Trade, question
from actors.exchange.satoriex.money import CERTAIN_BP, SHARE_MICRO, fee_micro, rebate_micro, value_micro
from actors.exchange.satoriex.orders import Order, Side, Status, Ticket
from actors.exchange.satoriex.publications import BookChanged, OrderChanged, Publication, Traded, WalletChanged
from actors.exchange.satoriex.refusals import Refused
from actors.exchange.satoriex.settings import SatoriexSettings

SECOND_NS = 1_000_000_000


@attrs.define(eq=False)
class Floor:
    """Hold accounts, markets and orders, and trade between them.

    Every method takes the present in unix nanoseconds. `fails_validation` decides about each order of a trader's when
    the matcher comes to it.
    """

    settings: SatoriexSettings
    random: Random
    publish: Callable[[Publication], None] = lambda _: None
    fails_validation: Callable[[Order], bool] = lambda _: False
    agenda: Agenda = attrs.field(factory=Agenda, init=False)
    accounts: dict[str, Account] = attrs.field(factory=dict, init=False)
    markets: dict[str, Market] = attrs.field(factory=dict, init=False)
    orders: dict[str, Order] = attrs.field(factory=dict, init=False)  # silent accounts' are not kept
    house: House = attrs.field(factory=House, init=False)
    listed: int = attrs.field(default=0, init=False)
    _live: dict[str, dict[str, Order]] = attrs.field(factory=dict, init=False)  # by account
    _accepted: int = attrs.field(default=0, init=False)
    _traded: int = attrs.field(default=0, init=False)
    _queue_ends_ns: int = attrs.field(default=0, init=False)
    _cancel_asked: set[str] = attrs.field(factory=set, init=False)

    # --- accounts and markets ---

    def open_account(
        self, account_id: str, cash_micro: int, now_ns: int, *, shares: int = 0, silent: bool = False
    ) -> Account:
        """Open an account with cash, and with shares of each outcome that is listed now or later."""
        account = Account(account_id, silent=silent, opening_shares=shares)
        self.accounts[account_id] = account
        self._live[account_id] = {}
        account.receive("deposit", cash_micro, now_ns)
        self.house.deposits_micro += cash_micro
        for market in self.open_markets():
            self._grant(account, market)
        return account

    def list_market(self, now_ns: int) -> Market:
        """List one more question."""
        market = question(
            self.listed,
            self.random,
            tick_bp=self.settings.tick_bp,
            min_order_shares=self.settings.min_order_shares,
            now_ns=now_ns,
        )
        self.listed += 1
        self.markets[market.market_id] = market
        for account in self.accounts.values():
            self._grant(account, market)
        return market

    def open_markets(self) -> list[Market]:
        return [market for market in self.markets.values() if market.stage is not Stage.SETTLED]

    def live(self, account: Account) -> tuple[Order, ...]:
        """Return an account's orders that can still trade, the oldest first."""
        return tuple(self._live[account.account_id].values())

    def outcomes(self) -> list[Outcome]:
        return [outcome for market in self.open_markets() for outcome in market.outcomes.values()]

    def _outcome(self, order: Order) -> Outcome:
        market_id, outcome_id = order.key
        return self.markets[market_id].outcomes[outcome_id]

    def _grant(self, account: Account, market: Market) -> None:
        """Give pairs of shares, each pair backed by the dollar that one of the two will pay."""
        pairs = account.opening_shares
        if not pairs:
            return
        self.house.collateral_micro += pairs * SHARE_MICRO
        self.house.deposits_micro += pairs * SHARE_MICRO
        for outcome in market.outcomes.values():
            account.holding(outcome.key).buy(pairs, pairs * SHARE_MICRO // len(market.outcomes))

    # --- what traders ask for ---

    def place(self, account: Account, ticket: Ticket, now_ns: int) -> Order:
        """Accept an order; it is matched in a while, after all that were accepted before it. Raises `Refused`."""
        order = self._accept(account, ticket, now_ns)
        delay_ns = int(self.random.uniform(*self.settings.match_delay_s) * SECOND_NS)
        self._queue_ends_ns = max(self._queue_ends_ns, now_ns + delay_ns)
        self.agenda.add(self._queue_ends_ns, lambda due_ns: self._come_to(order, due_ns))
        return order

    def enter_at_once(self, account: Account, ticket: Ticket, now_ns: int) -> Order:
        """Accept and match an order. Raises `Refused`."""
        order = self._accept(account, ticket, now_ns)
        self._come_to(order, now_ns)
        return order

    def cancel(self, order: Order, now_ns: int) -> None:
        """Take note of a cancel; it may lose the race with a fill. Raises `Refused` for a filled order."""
        if order.status is Status.FILLED:
            raise Refused("order_filled")  # U-20
        if not order.is_live:
            return
        delay_ns = int(self.random.uniform(*self.settings.cancel_delay_s) * SECOND_NS)
        if not delay_ns or order.status is Status.PENDING:
            self.withdraw(order, now_ns)
        elif order.order_id not in self._cancel_asked:
            self._cancel_asked.add(order.order_id)
            self.agenda.add(now_ns + delay_ns, lambda due_ns: self.withdraw(order, due_ns))

    def withdraw(self, order: Order, now_ns: int) -> None:
        """End a live order now, and give back what it held."""
        if not order.is_live:
            return
        rested = order.status is not Status.PENDING
        if rested:
            self._outcome(order).book.remove(order)
        self._end(order, now_ns)
        if rested:
            self.publish(BookChanged(outcome=self._outcome(order)))

    # --- halts ---

    def halt(self, market: Market, now_ns: int) -> None:
        """Stop trading for a while: new orders are refused, those that rest stay and can be cancelled."""
        if market.stage is not Stage.ACTIVE:
            return
        generation = market.enter(Stage.HALTED)

        def resume(due_ns: int) -> None:
            if market.generation == generation:
                self.resume(market, due_ns)

        self.agenda.add(now_ns + int(self.settings.halt_s * SECOND_NS), resume)

    def resume(self, market: Market, now_ns: int) -> None:
        """Let a halted market trade again; the circuit breaker begins anew."""
        if market.stage is not Stage.HALTED:
            return
        market.enter(Stage.ACTIVE)
        for outcome in market.outcomes.values():
            outcome.reference_bp = None

    # --- inside ---

    def _accept(self, account: Account, ticket: Ticket, now_ns: int) -> Order:
        market, outcome = admission.find(self.markets, ticket)
        admission.check_terms(ticket, market)
        admission.check_funds(ticket, account, outcome)
        admission.check_stage(market)
        self._accepted += 1
        order = Order(
            order_id=f"ord_{self._accepted}_{self.random.randbytes(4).hex()}",
            account=account,
            key=outcome.key,
            side=ticket.side,
            price_bp=ticket.price_bp,
            shares=ticket.shares,
            created_ns=now_ns,
            updated_ns=now_ns,
        )
        if not self.settings.self_trade_async and self._crosses_own(order):
            raise Refused("self_trade")  # U-23
        order.lock()
        self._live[account.account_id][order.order_id] = order
        if not account.silent:
            self.orders[order.order_id] = order
        self._tell(order, is_transition=True, is_new=True)
        self.tell_wallet(account)
        return order

    def _come_to(self, order: Order, now_ns: int) -> None:
        """Match a pending order, and let the rest of it rest."""
        if order.status is not Status.PENDING:
            return
        market = self.markets[order.key[0]]
        if market.stage is not Stage.ACTIVE or self._crosses_own(order) or self._fails(order):
            self._end(order, now_ns)
            return
        touched = self._match(order, market, now_ns)
        if order.remaining_shares and self._partner(order) is not None:
            self._end(order, now_ns)  # halted between two fills: a frozen book must not be a crossed one
        elif order.remaining_shares:
            self._rest(order, now_ns)
            touched = True
        if touched:
            self.publish(BookChanged(outcome=self._outcome(order)))

    def _crosses_own(self, order: Order) -> bool:
        return admission.crosses_own(order, self.live(order.account))

    def _fails(self, order: Order) -> bool:
        return not order.account.silent and self.fails_validation(order)

    def _match(self, order: Order, market: Market, now_ns: int) -> bool:
        traded = False
        while order.remaining_shares and market.stage is Stage.ACTIVE:
            resting = self._partner(order)
            if resting is None:
                break
            self._trade(order, resting, market, now_ns)
            traded = True
            self._watch(self._outcome(order), market, resting.price_bp, now_ns)
        return traded

    def _partner(self, order: Order) -> Order | None:
        resting = self._outcome(order).book.first(order.side.other)
        return resting if resting is not None and order.crosses(resting) else None

    def _trade(self, taker: Order, maker: Order, market: Market, now_ns: int) -> None:
        """Exchange shares for cash at the resting order's price."""
        shares, price_bp = min(taker.remaining_shares, maker.remaining_shares), maker.price_bp
        buyer, seller = (taker, maker) if taker.side is Side.BUY else (maker, taker)
        value = value_micro(price_bp, shares)
        fee = fee_micro(value, self.settings.seller_fee_bp)
        rebate = rebate_micro(value, self.settings.maker_rebate_bp)
        buyer.account.release(value_micro(buyer.price_bp, shares))
        buyer.account.receive("trade_buy", -value, now_ns, buyer.key, buyer.order_id)
        buyer.account.holding(buyer.key).buy(shares, value)
        seller.account.holding(seller.key).sell(shares)
        seller.account.receive("trade_sell", value, now_ns, seller.key, seller.order_id)
        seller.account.receive("trading_fee", -fee, now_ns, seller.key, seller.order_id)
        maker.account.receive("maker_rebate", rebate, now_ns, maker.key, maker.order_id)
        seller.fees_micro += fee
        maker.rebates_micro += rebate
        self.house.fees_micro += fee
        self.house.rebates_micro += rebate
        self._traded += 1
        trade = Trade(
            trade_id=f"trd_{self._traded}",
            key=taker.key,
            price_bp=price_bp,
            shares=shares,
            taker_side=taker.side,
            maker_order_id=maker.order_id,
            taker_order_id=taker.order_id,
            at_ns=now_ns,
        )
        market.trades.append(trade)
        self.publish(Traded(trade=trade))
        if maker.remaining_shares == shares:
            self._outcome(maker).book.remove(maker)
        for order in (maker, taker):
            self._fill(order, shares, value, now_ns)

    def _fill(self, order: Order, shares: int, value: int, now_ns: int) -> None:
        before = order.status
        order.filled_shares += shares
        order.cost_micro += value
        order.updated_ns = now_ns
        order.status = Status.PARTIAL if order.remaining_shares else Status.FILLED
        if order.status is Status.FILLED:
            self._forget(order)
        self._tell(order, is_transition=order.status is not before, was_filled=True)
        self.tell_wallet(order.account)

    def _rest(self, order: Order, now_ns: int) -> None:
        self._outcome(order).book.add(order)
        if order.status is Status.PENDING:
            order.status = Status.OPEN
            order.updated_ns = now_ns
            self._tell(order, is_transition=True)

    def _end(self, order: Order, now_ns: int) -> None:
        order.unlock()
        order.status = Status.CANCELLED
        order.updated_ns = now_ns
        self._forget(order)
        self._tell(order, is_transition=True)
        self.tell_wallet(order.account)

    def _forget(self, order: Order) -> None:
        del self._live[order.account.account_id][order.order_id]
        self._cancel_asked.discard(order.order_id)

    def _watch(self, outcome: Outcome, market: Market, price_bp: int, now_ns: int) -> None:
        """Halt the market when a price has moved too far from the first one of its window."""  # U-22
        window_ns = int(self.settings.breaker_window_s * SECOND_NS)
        if outcome.reference_bp is None or now_ns - outcome.reference_ns >= window_ns:
            outcome.reference_bp, outcome.reference_ns = price_bp, now_ns
        reference_bp = outcome.reference_bp
        if abs(price_bp - reference_bp) * CERTAIN_BP >= self.settings.breaker_move_bp * reference_bp:
            self.halt(market, now_ns)

    def _tell(self, order: Order, *, is_transition: bool, is_new: bool = False, was_filled: bool = False) -> None:
        self.publish(
            OrderChanged(
                order=order.view(),
                is_transition=is_transition,
                is_new=is_new,
                was_filled=was_filled,
                silent=order.account.silent,
            )
        )

    def tell_wallet(self, account: Account) -> None:
        if not account.silent:
            self.publish(
                WalletChanged(
                    account_id=account.account_id,
                    available_micro=account.available_micro,
                    escrow_micro=account.escrow_micro,
                )
            )
