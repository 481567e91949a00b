"""Usage-based billing over one GraphQL endpoint.

The folders, from the top down; imports only ever point down:

    app.py, cli/     where the parts meet; the command line
    api/             the only package that knows GraphQL
    billing/         subscriptions, and the bill of a period: gather, decide, show
    usage/           events recorded once, and their aggregates; store/ holds each database's SQL
    catalog/         metrics and versions of plans
    customers/       whom is billed
    access/          API keys
    db/              connections, exact columns, pages, migrations
    pricing/         Decimal in, explained amounts out: pure, no I/O
    config.py        the only reader of the environment
    errors.py        failures that a caller can act on
"""
