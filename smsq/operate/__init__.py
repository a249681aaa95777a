"""What an operator looks at and turns: doctor, gate, rate, unknown, dead and unmatched jobs.

In:  an operator's decision, name and reason. Out: what was found or done, noted with the job.
Never: anything that a worker needs to send.
"""
