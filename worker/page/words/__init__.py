"""The page's words, one file for each page: key to English and Russian.

In:  nothing. Out: `WORDS`. A key begins with the name of its page: `now.title`.
Never: a sentence put together of pieces; `{name}` stands for a value, `{n:jobs}` for so many.
"""
