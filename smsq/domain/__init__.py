"""Pure decisions: what an outcome means, whose fault it is, pauses, quiet hours, regions.

In:  facts, as arguments; the time among them. Out: a decision.
Never: Redis, the network, the environment, a clock of its own. The same arguments, the same answer.
"""
