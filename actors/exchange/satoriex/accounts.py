"""Who trades, with what: cash, escrow and shares."""

import attrs

Key = tuple[str, str]
"""A market's id and an outcome's."""


@attrs.define
class Holding:
    """An account's shares of one outcome. Locked ones are held too."""

    shares: int = 0
    locked_shares: int = 0
    cost_micro: int = 0

    @property
    def free_shares(self) -> int:
        return self.shares - self.locked_shares

    def buy(self, shares: int, cost_micro: int) -> None:
        self.shares += shares
        self.cost_micro += cost_micro

    def sell(self, shares: int) -> None:
        """Let go of locked shares, at the average of what they cost."""
        assert shares <= self.locked_shares <= self.shares
        self.cost_micro -= self.cost_micro * shares // self.shares
        self.shares -= shares
        self.locked_shares -= shares


@attrs.frozen
class Transaction:
    """One movement of the wallet. What is escrowed has not moved."""

    transaction_id: str
    kind: str
    amount_micro: int
    key: Key | None
    order_id: str | None
    at_ns: int


@attrs.define(eq=False)
class Account:
    """A trader. Of a silent one nothing is listed, told or made to fail."""

    account_id: str
    silent: bool = False
    available_micro: int = 0
    escrow_micro: int = 0
    opening_shares: int = 0
    holdings: dict[Key, Holding] = attrs.field(factory=dict)
    transactions: list[Transaction] = attrs.field(factory=list)

    def holding(self, key: Key) -> Holding:
        return self.holdings.setdefault(key, Holding())

    def positions(self) -> dict[Key, Holding]:
        return {key: holding for key, holding in self.holdings.items() if holding.shares}

    def lock(self, micro: int) -> None:
        assert 0 <= micro <= self.available_micro
        self.available_micro -= micro
        self.escrow_micro += micro

    def release(self, micro: int) -> None:
        assert 0 <= micro <= self.escrow_micro
        self.escrow_micro -= micro
        self.available_micro += micro

    def receive(self, kind: str, micro: int, at_ns: int, key: Key | None = None, order_id: str | None = None) -> None:
        """Move the wallet, down too, and write it down."""
        self.available_micro += micro
        assert self.available_micro >= 0
        if micro and not self.silent:
            number = f"tx_{self.account_id}_{len(self.transactions) + 1}"
            self.transactions.append(Transaction(number, kind, micro, key, order_id, at_ns))


@attrs.define
class House:
    """What the venue itself holds and has paid."""

    collateral_micro: int = 0  # a dollar for each pair of shares that exists
    fees_micro: int = 0
    rebates_micro: int = 0
    deposits_micro: int = 0
