#!/bin/sh
# Make a typed Python client, fubble_client/, from the schema and the documents. ariadne-codegen gets
# a virtual environment of its own: it needs graphql-core below 3.3, and the server a later one.
set -eu
cd "$(dirname "$0")"
"${PYTHON:-python3}" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
.venv/bin/ariadne-codegen client
