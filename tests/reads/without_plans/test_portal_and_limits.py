"""Scoping and limits, which hold by plans and without: the tests of these modules, once more."""

# ruff: noqa: F403 - pytest collects what they hold

from tests.api.test_limits import *
from tests.api.test_portal_edges import *
from tests.api.test_portal_probes import *
from tests.api.test_portal_scope import *
from tests.api.test_portal_sessions import *
