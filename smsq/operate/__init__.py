"""What an operator looks at and changes: doctor, gate, rate, unknown, dead and unmatched jobs.

In:  an operator's decision, name and reason. Out: what was found, or done and noted with the job.
Never: anything that a worker needs to send.
"""
