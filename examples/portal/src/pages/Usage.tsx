// What was used in the running period: by metric, and inside it by the values of its dimensions.
import { useState } from 'react';
import { useQuery } from 'urql';
import { coordinate } from '../exact';
import { amountOf, quantity, span } from '../format';
import { graphql } from '../gql';
import type { UsageGroupsQuery, UsageQuery as UsageQueryResult } from '../gql/graphql';
import { Card } from '../parts/Card';
import { Failure } from '../parts/Failure';
import { Fold } from '../parts/Fold';
import { Skeleton } from '../parts/Skeleton';
import { Sparkline } from '../parts/Sparkline';
import type { Subscription } from '../types';

const UsageQuery = graphql(`
  query Usage($subscription: ID!, $period: PeriodInput!) {
    planSubscription(id: $subscription) {
      id
      usage(period: $period, granularity: DAY) {
        metric {
          id
          key
          displayName
          description
          unit
          decimals
          dimensions {
            property
          }
        }
        quantity
        eventCount
        series {
          period {
            start
          }
          quantity
        }
      }
    }
  }
`);

const GroupsQuery = graphql(`
  query UsageGroups(
    $subscription: ID!
    $period: PeriodInput!
    $metric: String!
    $groupBy: [String!]!
  ) {
    planSubscription(id: $subscription) {
      id
      usage(period: $period, metrics: [$metric], groupBy: $groupBy) {
        quantity
        eventCount
        group {
          property
          value
        }
      }
    }
  }
`);

type MetricUsage = NonNullable<UsageQueryResult['planSubscription']>['usage'][number];
type Group = NonNullable<UsageGroupsQuery['planSubscription']>['usage'][number];
type Period = { start: string; end: string };

export function Usage({ subscription }: { subscription: Subscription }) {
  const period = subscription.currentPeriod;
  if (!period) return <p className="card empty">There is no usage to show: no period is running.</p>;
  return <Running subscription={subscription} period={{ start: period.start, end: period.end }} />;
}

function Running({ subscription, period }: { subscription: Subscription; period: Period }) {
  const [{ data, error }, ask] = useQuery({
    query: UsageQuery,
    variables: { subscription: subscription.id, period },
    requestPolicy: 'cache-and-network',
  });
  const usage = data?.planSubscription?.usage;
  return (
    <Card
      title="Usage"
      note={`${subscription.plan.name} plan, ${span(period, subscription.timezone)}`}
    >
      {!usage && error && <Failure error={error} retry={ask} />}
      {!usage && !error && <Skeleton lines={6} />}
      {usage?.length === 0 && <p className="empty">Your plan has no prices for usage.</p>}
      {usage && usage.length > 0 && (
        <table className="lines">
          <caption className="visually-hidden">Usage by metric</caption>
          <thead>
            <tr>
              <th scope="col">Metric</th>
              <th scope="col" className="wide-only">
                By day
              </th>
              <th scope="col" className="number wide-only">
                Events
              </th>
              <th scope="col" className="number">
                Used
              </th>
            </tr>
          </thead>
          {usage.map((one) => (
            <MetricRow key={one.metric.id} {...{ one, subscription, period }} />
          ))}
        </table>
      )}
    </Card>
  );
}

interface RowProps {
  one: MetricUsage;
  subscription: Subscription;
  period: Period;
}

function MetricRow({ one, subscription, period }: RowProps) {
  const { metric, series, eventCount } = one;
  return (
    <Fold
      title={metric.displayName}
      aside={metric.description}
      columns={4}
      cells={
        <>
          <td className="wide-only">
            <Sparkline values={series.map((point) => coordinate(point.quantity))} />
          </td>
          <td className="number wide-only">{quantity(eventCount)}</td>
          <td className="number">{amountOf(one.quantity, metric.unit, metric.decimals)}</td>
        </>
      }
    >
      {metric.dimensions.length > 0
        ? () => <Groups {...{ metric, subscription, period }} />
        : undefined}
    </Fold>
  );
}

type GroupsProps = Omit<RowProps, 'one'> & { metric: MetricUsage['metric'] };

function Groups({ metric, subscription, period }: GroupsProps) {
  const properties = metric.dimensions.map(({ property }) => property);
  const [chosen, choose] = useState(properties.slice(0, 1));
  const [{ data, error }, ask] = useQuery({
    query: GroupsQuery,
    variables: { subscription: subscription.id, period, metric: metric.key, groupBy: chosen },
    pause: chosen.length === 0,
  });
  const toggle = (property: string) =>
    choose(properties.filter((one) => chosen.includes(one) !== (one === property)));
  const groups = chosen.length > 0 ? data?.planSubscription?.usage : [];
  return (
    <>
      <div className="chips" role="group" aria-label={`Group ${metric.displayName} by`}>
        <span className="muted small">Group by</span>
        {properties.map((property) => (
          <button
            key={property}
            type="button"
            className="chip"
            aria-pressed={chosen.includes(property)}
            onClick={() => toggle(property)}
          >
            {property}
          </button>
        ))}
      </div>
      {!groups && (error ? <Failure error={error} retry={ask} /> : <Skeleton lines={2} />)}
      {groups && groups.length > 0 && <GroupTable metric={metric} groups={groups} />}
    </>
  );
}

function GroupTable({ metric, groups }: { metric: MetricUsage['metric']; groups: Group[] }) {
  const sizes = groups.map((group) => Math.abs(coordinate(group.quantity)));
  const largest = Math.max(...sizes) || 1;
  return (
    <table className="steps">
      <caption className="visually-hidden">{metric.displayName} by group</caption>
      <thead>
        <tr>
          <th scope="col">Group</th>
          <th scope="col" className="wide-only">
            <span className="visually-hidden">Beside the largest</span>
          </th>
          <th scope="col" className="number wide-only">
            Events
          </th>
          <th scope="col" className="number">
            Used
          </th>
        </tr>
      </thead>
      <tbody>
        {groups.map((group, place) => (
          <tr key={group.group.map(({ value }) => value).join('/')}>
            <th scope="row">{group.group.map(({ value }) => value ?? '–').join(' · ')}</th>
            <td className="wide-only bar-cell">
              <div className="bar" style={{ width: `${((sizes[place] ?? 0) / largest) * 100}%` }} />
            </td>
            <td className="number wide-only">{quantity(group.eventCount)}</td>
            <td className="number">{amountOf(group.quantity, metric.unit, metric.decimals)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
