"""Usage-based billing over one GraphQL endpoint.

The folders, from the top down; imports only ever point down:

    app.py, cli/     where the parts meet; the command line
    api/             the graph: its types, inputs, queries, mutations; HTTP and WebSockets
    reads/           queries compiled: the same answers, faster; nothing needs it
    documents/       invoices as PDF, from what they keep
    billing/         subscriptions, bills, invoices, the bill run: gather, decide, write
    credits/         grants, and the ledger that only this package writes
    usage/           events recorded once, and their aggregates; store/ holds each database's SQL
    catalog/         metrics and versions of plans
    customers/       whom is billed
    access/          API keys and portal tokens
    db/              connections, exact columns, pages, migrations
    pricing/         Decimal in, explained amounts out: pure, no I/O
    monitoring.py    what a running server counts, for Prometheus
    config.py        the only reader of the environment
    garbage.py       how rarely a process looks for garbage
    errors.py        failures that a caller can act on
"""
