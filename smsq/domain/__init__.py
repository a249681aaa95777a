"""Pure decisions: what an outcome means, whose fault it is, pauses, quiet hours, regions.

In:  facts as arguments, the time among them. Out: a decision.
Never: Redis, the network, the environment or a clock. Dice can be handed in.
"""
