"""How much goes wrong at this venue, by name."""

from actors.exchange.faults import Fault, Rule, as_seldom

NONE: tuple[Rule, ...] = ()
SOME: tuple[Rule, ...] = (
    Rule(fault=Fault.DELAY, probability=0.02, delay_s=0.5),
    Rule(fault=Fault.DUPLICATE, probability=0.01),
    Rule(fault=Fault.REORDER, probability=0.01),
    Rule(fault=Fault.SLOW_ANSWER, probability=0.02, delay_s=1.0),
    Rule(fault=Fault.SERVER_ERROR, probability=0.01, code=500),
    Rule(fault=Fault.DISCONNECT, every_s=60.0, code=1006),
)
ALL: tuple[Rule, ...] = (
    Rule(fault=Fault.DROP, probability=0.005),
    Rule(fault=Fault.DELAY, probability=0.02, delay_s=0.5),
    Rule(fault=Fault.LATE_FILL, where="order", probability=0.05, delay_s=4.0),
    Rule(fault=Fault.DUPLICATE, probability=0.02),
    Rule(fault=Fault.REORDER, probability=0.02),
    Rule(fault=Fault.GARBAGE, probability=0.005),
    Rule(fault=Fault.DISCONNECT, every_s=12.0, code=1006),
    Rule(fault=Fault.DISCONNECT, every_s=24.0, code=4200),
    Rule(fault=Fault.DISCONNECT, every_s=48.0, code=4100),
    Rule(fault=Fault.HALF_OPEN, every_s=120.0),
    Rule(fault=Fault.MUTE_HEARTBEAT, every_s=120.0, delay_s=40.0),
    Rule(fault=Fault.CONFIG_CHANGE, every_s=60.0, delay_s=5.0),
    Rule(fault=Fault.SERVER_ERROR, probability=0.005, code=500),
    Rule(fault=Fault.SERVER_ERROR, probability=0.005, code=502),
    Rule(fault=Fault.SERVER_ERROR_AFTER, probability=0.01),
    Rule(fault=Fault.LOST_REQUEST, probability=0.01),
    Rule(fault=Fault.LOST_ANSWER, probability=0.01),
    Rule(fault=Fault.LOST_ANSWER, where="place", probability=0.005, delay_s=20.0),
    Rule(fault=Fault.THROTTLE, probability=0.005, delay_s=1.0),
    Rule(fault=Fault.SLOW_ANSWER, probability=0.02, delay_s=1.0),
    Rule(fault=Fault.INVALID_ORDER, probability=0.01),
)
assert {rule.fault for rule in ALL} == set(Fault)

PRESETS = {"none": NONE, "some": SOME, "all": ALL}


def preset(name: str, scale: float = 1.0) -> tuple[Rule, ...]:
    """Return the rules of a name; what happens by itself comes `scale` times as seldom."""
    return as_seldom(PRESETS[name], scale)
