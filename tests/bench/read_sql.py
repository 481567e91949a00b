"""The pages of the read benchmark as statements that answer by themselves, to the byte.

`array_to_json(array_agg(…))` stands for json_agg, which puts spaces where the endpoint puts none.
"""

# ruff: noqa: S608 - statements are put together from this package's own words only

from __future__ import annotations

from tests.bench.raw_sql import _COMPONENT, _CUSTOMERS, _PLAN_ID, _STATUS, _SUBSCRIPTIONS, _id

_INVOICES = """select * from invoice where customer_id = c.id
  order by created_at desc, id desc limit 5"""
_ISSUED = """to_char(i.issued_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "issuedAt\""""
_TOTAL = """(select row_to_json(m) from (select round(i.total, 2)::text as amount) m) as total"""
_LINE = """l.description,
  (select row_to_json(m) from (select round(l.amount, 2)::text as amount) m) as amount"""


def _answer(field: str, value: str) -> str:
    return f"""'{{"data":{{"{field}":' || coalesce({value}::text, 'null') || '}}}}'"""


# As it is usually written: a select for each field, inside the one of its parent.
NESTED_CORRELATED = f"""
select {_answer('customers":{"edges', "coalesce(array_to_json(array_agg(edge)), '[]')")} || '}}' from (
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
    ) as subscriptions, (
      select row_to_json(page) from (
        select coalesce(array_to_json(array_agg(inv)), '[]') as nodes from (
          select {_id("inv", "i.id")}, {_TOTAL}, {_ISSUED}, (
            select coalesce(array_to_json(array_agg(line)), '[]') from (
              select {_LINE} from invoice_line l where l.invoice_id = i.id order by l.position
            ) line
          ) as lines from ({_INVOICES}) i
        ) inv
      ) page
    ) as invoices from ({_CUSTOMERS}) c
  ) n
) edge
"""

# Each relation level once: a plan that many subscriptions are on is written once.
NESTED_SET_BASED = f"""
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
i as materialized (select i.* from c cross join lateral ({_INVOICES}) i),
line as (
  select l.invoice_id, array_to_json(array_agg(made.json order by l.position)) as list
  from invoice_line l, lateral (select row_to_json(w) as json from (select {_LINE}) w) made
  where l.invoice_id in (select id from i) group by 1
),
invoice_page as (
  select i.customer_id, array_to_json(array_agg(made.json order by i.created_at desc, i.id desc))
    as nodes
  from i left join line on line.invoice_id = i.id, lateral (
    select row_to_json(w) as json from (
      select {_id("inv", "i.id")}, {_TOTAL}, {_ISSUED}, coalesce(line.list, '[]') as lines
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
          ) as subscriptions, (
            select row_to_json(w) from (select coalesce(invoice_page.nodes, '[]') as nodes) w
          ) as invoices
        ) n
      ) as node
    ) e
  ) as json
  from c left join page on page.customer_id = c.id
    left join invoice_page on invoice_page.customer_id = c.id
)
select {_answer('customers":{"edges', "coalesce(array_to_json(array_agg(json order by created_at, place)), '[]')")}
  || '}}' from edge
"""

FLAT = f"""
select {_answer('customers":{"nodes', "coalesce(array_to_json(array_agg(n)), '[]')")} || '}}' from (
  select {_id("cus", "c.id")}, c.key, c.name, c.currency, c.timezone
  from (select * from customer order by created_at, id limit $1) c
) n
"""

ONE = f"""
select {_answer("customer", "(select row_to_json(n) from (select " + _id("cus", "c.id") + ", c.key, c.name from customer c where c.id = $1) n)")}
"""
