"""A portal token that asks for what is not its customer's: as if there were no such thing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.api.conftest import Api
from tests.api.graph import Walk
from tests.api.portal import as_customer
from tests.api.probes import (
    Probe,
    malformed_ids,
    named_arguments,
    of_type,
    outcome,
    unknown_id,
)
from tests.api.two_customers import Own, two_customers

# What has an id and is no Node: it cannot be asked for, and is tried all the same.
PARTS = re.compile(r'"((?:pc|com|line|ctx)_[0-9a-f]{32})"')
PREFIXES = ("cus", "met", "plan", "sub", "evt", "crd", "inv", "pc", "com", "line", "ctx")
NO_IDS = ("", "x", "cus", "_", "cus_1;select", "Customer:1", "🦊")


@dataclass
class World:
    """Acme asks; what is hidden from it is everything that only an operator reaches."""

    portal: Api
    acme: Own
    rival: Own
    hidden: frozenset[str]

    @classmethod
    async def of(cls, api: Api) -> World:
        acme, rival = await two_customers(api)
        portal = await as_customer(api, "acme")
        everything, seen = await Walk(api).from_lists(), await Walk(portal).from_lists()
        hidden = set(everything.objects) - set(seen.objects)
        hidden |= set(PARTS.findall(everything.text)) - set(PARTS.findall(seen.text))
        assert {id.partition("_")[0] for id in hidden} == set(PREFIXES)
        return cls(portal, acme, rival, frozenset(hidden))


def by_id(world: World, argument: str, document: str, prefix: str) -> Iterator[Probe]:
    """Probes of an argument that takes one type's ids: those, other types', unknown, malformed."""
    others = of_type(world.hidden, "crd" if prefix != "crd" else "cus")[:2]
    yield Probe(
        argument,
        document,
        of_type(world.hidden, prefix) + others,
        (unknown_id(prefix), unknown_id("ctx"), *malformed_ids(prefix), *NO_IDS),
    )


def of_nodes(world: World) -> Iterator[Probe]:
    """Every hidden id of every type, by the roots that take any; garbage counts as a customer's."""
    one = "query ($x: ID!) { node(id: $x) { __typename id ... on Bill { currency } } }"
    many = "query ($x: ID!) { nodes(ids: [$x]) { __typename id } }"
    for argument, document in (("Query.node(id)", one), ("Query.nodes(ids)", many)):
        for prefix in PREFIXES:
            nothing = (unknown_id(prefix), *malformed_ids(prefix))
            nothing += NO_IDS if prefix == "cus" else ()
            yield Probe(argument, document, of_type(world.hidden, prefix), nothing)


def of_objects(world: World) -> Iterator[Probe]:
    """The roots for one type."""
    find = "query ($x: ID!) {{ {0}(id: $x) {{ id }} }}".format
    yield from by_id(world, "Query.customer(id)", find("customer"), "cus")
    yield from by_id(world, "Query.metric(id)", find("metric"), "met")
    yield from by_id(world, "Query.plan(id)", find("plan"), "plan")
    yield from by_id(world, "Query.planSubscription(id)", find("planSubscription"), "sub")
    yield from by_id(world, "Query.invoice(id)", find("invoice"), "inv")
    for argument, values in (
        ("customer(key)", ("rival",)),
        ("metric(key)", ("rival_used", "rival_sum", "rival_extra", "rival_stray")),
        ("plan(key)", ("rival-plan",)),
        ("invoice(number)", (world.rival.invoice["number"],)),
    ):
        name = argument.replace(")", ": $x)")
        document = f"query ($x: String!) {{ {name} {{ id }} }}"
        yield Probe(f"Query.{argument}", document, values, ("nobody", "", "'--", "%"))
    version = "query ($x: String!) { plan(key: $x, version: 2) { id } }"
    yield Probe("Query.plan(key)", version, ("rival-plan", "acme-plan"), ("nobody", ""))


def of_lists(world: World) -> Iterator[Probe]:
    """What lists can be filtered by, totals included."""
    invoices = "invoices(filter: {customer: {%s: $x}}) { totalCount nodes { id } }"
    customers = "query ($x: String!) { customers(filter: {%s: $x}) { totalCount nodes { id } } }"
    of_acme = '{ customer(key: "acme") { %s } }'
    id, key = "query ($x: ID!) ", "query ($x: String!) "
    texts = ("rival", "rival@example.com", "rival Ltd", "iva")
    yield from by_id(
        world, "Query.invoices(filter.customer.id)", id + f"{{ {invoices % 'id'} }}", "cus"
    )
    yield Probe(
        "Query.invoices(filter.customer.key)",
        key + f"{{ {invoices % 'key'} }}",
        ("rival",),
        ("nobody", ""),
    )
    yield from by_id(
        world, "Customer.invoices(filter.customer.id)", id + of_acme % (invoices % "id"), "cus"
    )
    yield Probe(
        "Customer.invoices(filter.customer.key)",
        key + of_acme % (invoices % "key"),
        ("rival",),
        ("nobody", ""),
    )
    yield Probe("Query.customers(filter.search)", customers % "search", texts, ("zzz", "%", "!"))
    yield Probe(
        "Query.customers(filter.planKey)", customers % "planKey", ("rival-plan",), ("nobody", "")
    )
    yield Probe(
        "Query.plans(filter.search)",
        key + "{ plans(filter: {search: $x, allVersions: true}) { totalCount nodes { id } } }",
        ("rival", "rival-plan", "rival dearer", "dearer"),
        ("zzz", "%"),
    )


def of_usage(world: World) -> Iterator[Probe]:
    """What usage and its events can be asked by."""
    of_acme = '{ customer(key: "acme") { %s } }'
    own = f'{{ planSubscription(id: "{world.acme.subscription["id"]}") {{ %s }} }}'
    events = "usageEvents(filter: {includeVoided: true, %s: %s}) { nodes { id } }"
    usage = "usage(%s: [$x]) { quantity metric { key } group { property } }"
    metrics = ("rival_used", "rival_sum", "rival_extra", "rival_stray")
    id, key = "query ($x: ID!) ", "query ($x: String!) "
    yield from by_id(
        world,
        "Customer.usageEvents(filter.subscriptionId)",
        id + of_acme % (events % ("subscriptionId", "$x")),
        "sub",
    )
    for name, values in (("metrics", metrics), ("idempotencyKeys", ("rival-05-used",))):
        document = key + of_acme % (events % (name, "[$x]"))
        yield Probe(f"Customer.usageEvents(filter.{name})", document, values, ("nobody", ""))
    for kind, place in (("Customer", of_acme), ("PlanSubscription", own)):
        for name, values in (("metrics", metrics), ("groupBy", ("rival_region",))):
            document = key + place % (usage % name)
            yield Probe(f"{kind}.usage({name})", document, values, ("nobody", ""))


def of_prices(world: World) -> Iterator[Probe]:
    """Trying plans."""
    own = f'{{ planSubscription(id: "{world.acme.subscription["id"]}") {{ %s }} }}'
    what_if = "whatIf(plan: {%s: $x}) { total { amount } lines { description } }"
    estimate = 'estimate(usage: [{metric: $x, quantity: "1"}]) { total { amount } }'
    yield from by_id(
        world,
        "PlanSubscription.whatIf(plan.id)",
        "query ($x: ID!) " + own % (what_if % "id"),
        "plan",
    )
    yield Probe(
        "PlanSubscription.whatIf(plan.key)",
        "query ($x: String!) " + own % (what_if % "key"),
        ("rival-plan",),
        ("nobody", ""),
    )
    yield Probe(
        "Plan.estimate(usage.metric)",
        f'query ($x: String!) {{ plan(key: "open") {{ {estimate} }} }}',
        ("rival_used", "rival_sum"),
        ("nobody", ""),
    )


def all_probes(world: World) -> list[Probe]:
    """Every probe."""
    return [
        *of_nodes(world),
        *of_objects(world),
        *of_lists(world),
        *of_usage(world),
        *of_prices(world),
    ]


async def test_what_is_not_its_own_is_like_what_there_is_not(api: Api) -> None:
    world = await World.of(api)
    probes = all_probes(world)
    # Whatever the schema lets a caller name is tried; a new argument needs a probe.
    assert {probe.argument for probe in probes} == named_arguments()

    told = {probe: await told_apart(world.portal, probe) for probe in probes}
    assert {probe.argument: values for probe, values in told.items() if values} == {}


async def told_apart(portal: Api, probe: Probe) -> list[str]:
    """The values that show that they are something, or cost other statements than nothing does."""
    assert probe.foreign, probe
    expected = await outcome(portal, probe.document, probe.nothing[0])
    assert expected.status == 200, expected
    return [
        value
        for value in (*probe.nothing[1:], *probe.foreign)
        if await outcome(portal, probe.document, value) != expected
    ]
