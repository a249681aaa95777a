"""A gateway to try things on: the contract's three endpoints, strict, limited, faulty at will.

An independent reading of the contract: nothing here comes from `smsq.gateway`.
"""
