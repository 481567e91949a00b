"""Two statements that answer the nested page by themselves, to the byte.

`array_to_json(array_agg(…))` stands for json_agg, which puts spaces where the endpoint puts none.
"""

# ruff: noqa: S608 - statements are put together from this package's own words only

from __future__ import annotations

_STATUS = """case when s.end_at <= now() then 'ENDED' when s.start_at > now() then 'SCHEDULED'
  when s.trial_end_at > now() then 'TRIALING' else 'ACTIVE' end"""

# The latest phase that has begun; before the first, the first.
_PLAN_ID = """(select h.plan_id from subscription_phase h where h.subscription_id = s.id
  order by h.start_at > now(), case when h.start_at > now() then h.start_at end, h.start_at desc
  limit 1)"""

_PRICING = """(select row_to_json(t) from (select case k.pricing ->> 'model'
  when 'flat' then 'FlatPricing' when 'per_unit' then 'PerUnitPricing'
  when 'graduated' then 'GraduatedPricing' when 'volume' then 'VolumePricing'
  when 'package' then 'PackagePricing' end as __typename) t)"""

_COMPONENT = f'k.key, k.display_name as "displayName", {_PRICING} as pricing'
_CUSTOMERS = "select id, name, created_at from customer order by created_at, id limit $1"
_SUBSCRIPTIONS = """select * from plan_subscription where customer_id = c.id
  order by start_at, id limit 20"""


def _id(prefix: str, column: str) -> str:
    return f"'{prefix}_' || replace({column}::text, '-', '') as id"


def _answer(edges: str) -> str:
    return f"""'{{"data":{{"customers":{{"edges":' || coalesce({edges}::text, '[]') || '}}}}}}'"""


# As it is usually written: a select for each field, inside the one of its parent.
CORRELATED = f"""
select {_answer("array_to_json(array_agg(edge))")} from (
  select row_to_json(n) as node from (
    select {_id("cus", "c.id")}, c.name, (
      select row_to_json(page) from (
        select coalesce(array_to_json(array_agg(sub)), '[]') as nodes from (
          select {_id("sub", "s.id")}, {_STATUS} as status, (
            select row_to_json(plan) from (
              select p.name, (
                select coalesce(array_to_json(array_agg(component)), '[]') from (
                  select {_COMPONENT} from price_component k
                  where k.plan_id = p.id order by k.position
                ) component
              ) as "priceComponents" from plan p where p.id = {_PLAN_ID}
            ) plan
          ) as plan from ({_SUBSCRIPTIONS}) s
        ) sub
      ) page
    ) as subscriptions from ({_CUSTOMERS}) c
  ) n
) edge
"""

# Each relation level once: a plan that many subscriptions are on is written once.
SET_BASED = f"""
with c as materialized ({_CUSTOMERS}),
s as materialized (
  select s.id, s.customer_id, s.start_at, {_STATUS} as status, {_PLAN_ID} as plan_id
  from c cross join lateral ({_SUBSCRIPTIONS}) s
),
component as (
  select k.plan_id, array_to_json(array_agg(made.json order by k.position)) as list
  from price_component k,
    lateral (select row_to_json(w) as json from (select {_COMPONENT}) w) made
  where k.plan_id in (select plan_id from s) group by 1
),
plan_json as (
  select p.id, (
    select row_to_json(w) from (
      select p.name, coalesce(component.list, '[]') as "priceComponents"
    ) w
  ) as json
  from plan p left join component on component.plan_id = p.id
  where p.id in (select plan_id from s)
),
page as (
  select s.customer_id, array_to_json(array_agg(made.json order by s.start_at, s.id)) as nodes
  from s join plan_json on plan_json.id = s.plan_id, lateral (
    select row_to_json(w) as json from (
      select {_id("sub", "s.id")}, s.status, plan_json.json as plan
    ) w
  ) made group by 1
),
edge as (
  select c.created_at, c.id as place, (
    select row_to_json(e) from (
      select (
        select row_to_json(n) from (
          select {_id("cus", "c.id")}, c.name, (
            select row_to_json(w) from (select coalesce(page.nodes, '[]') as nodes) w
          ) as subscriptions
        ) n
      ) as node
    ) e
  ) as json
  from c left join page on page.customer_id = c.id
)
select {_answer("array_to_json(array_agg(json order by created_at, place))")} from edge
"""
