-- The tables as the graph shows them, for PostGraphile, which follows relations by keys: a subscription's
-- plan and status, which are computed here, are columns. PostgreSQL takes views apart: no row is copied.
create schema peer;
create view peer.customer as select id, key, name, currency, timezone, created_at from public.customer;
create view peer.customer_subscription as
  select s.id, s.customer_id, s.start_at,
    case when s.end_at <= now() then 'ENDED' when s.start_at > now() then 'SCHEDULED'
      when s.trial_end_at > now() then 'TRIALING' else 'ACTIVE' end as status,
    (select h.plan_id from public.subscription_phase h where h.subscription_id = s.id
      order by h.start_at > now(), case when h.start_at > now() then h.start_at end, h.start_at desc
      limit 1) as plan_id
  from public.plan_subscription s;
create view peer.plan as select id, name from public.plan;
create view peer.price_component as
  select id, plan_id, position, key, display_name, pricing ->> 'model' as pricing
  from public.price_component;
create view peer.invoice as
  select id, customer_id, created_at, total, issued_at from public.invoice;
create view peer.invoice_line as
  select id, invoice_id, position, description, amount from public.invoice_line;
comment on view peer.customer is E'@primaryKey id';
comment on view peer.customer_subscription is
  E'@primaryKey id\n@foreignKey (customer_id) references peer.customer (id)\n@foreignKey (plan_id) references peer.plan (id)';
comment on view peer.plan is E'@primaryKey id';
comment on view peer.price_component is
  E'@primaryKey id\n@behavior +list -connection\n@foreignKey (plan_id) references peer.plan (id)';
comment on view peer.invoice is
  E'@primaryKey id\n@foreignKey (customer_id) references peer.customer (id)';
comment on view peer.invoice_line is
  E'@primaryKey id\n@behavior +list -connection\n@foreignKey (invoice_id) references peer.invoice (id)';
