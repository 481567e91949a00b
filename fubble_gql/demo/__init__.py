"""The demo: an invented company's customers, plans, usage and books, the same on every machine.

metrics, plans, customers: what there is; story: who is on which plan, since when; habits, usage:
the events; deals, books: what was agreed, invoiced and paid; load: all of it through the same
functions that the API calls; folder: where it is kept; examples: the tabs of GraphiQL.
"""
