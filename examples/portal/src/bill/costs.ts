// The days of a period, with what each price added: shaped for a chart.
import { coordinate, sum } from '../exact';
import type { CostSeriesQuery } from '../gql/graphql';

type Point = NonNullable<NonNullable<CostSeriesQuery['planSubscription']>['costSeries']>[number];
type Line = Point['lines'][number];

const SERIES_MAX = 7;
const OTHER = 'Other';
const KINDS: Partial<Record<Line['kind'], string>> = {
  COMMITMENT: 'commitment',
  MINIMUM: 'Minimum',
  MAXIMUM: 'Maximum',
};

export interface Day {
  start: string;
  end: string;
  amount: string;
  cumulative: string;
  isComing: boolean;
  /** By series, exact. */
  parts: Record<string, string>;
  /** By series, where to draw it. */
  heights: Record<string, number>;
  height: number;
}

export interface Costs {
  currency: string;
  series: string[];
  days: Day[];
}

/** The largest series by name, in the order in which they first cost something; the rest as one. */
export function shape(points: readonly Point[], asOf: string): Costs {
  const weights = new Map<string, number>();
  for (const point of points) {
    for (const line of point.lines) {
      const size = Math.abs(coordinate(line.amount.amount));
      weights.set(nameOf(line), (weights.get(nameOf(line)) ?? 0) + size);
    }
  }
  const names = [...weights.keys()];
  const bySize = [...names].sort((a, b) => (weights.get(b) ?? 0) - (weights.get(a) ?? 0));
  const kept = new Set(names.length > SERIES_MAX ? bySize.slice(0, SERIES_MAX - 1) : names);
  const days = points.map((point) => dayOf(point, kept, asOf));
  const series = names.filter((name) => kept.has(name));
  return {
    currency: points[0]?.amount.currency ?? '',
    series: kept.size < names.length ? [...series, OTHER] : series,
    days,
  };
}

function dayOf(point: Point, kept: ReadonlySet<string>, asOf: string): Day {
  const parts: Record<string, string> = {};
  for (const line of point.lines) {
    const name = kept.has(nameOf(line)) ? nameOf(line) : OTHER;
    parts[name] = sum([parts[name] ?? '0', line.amount.amount]);
  }
  const heights = Object.entries(parts).map(([name, amount]) => [name, coordinate(amount)]);
  return {
    ...point.period,
    amount: point.amount.amount,
    cumulative: point.cumulativeAmount.amount,
    isComing: Date.parse(point.period.start) > Date.parse(asOf),
    parts,
    heights: Object.fromEntries(heights),
    height: coordinate(point.cumulativeAmount.amount),
  };
}

function nameOf({ component, metric, kind }: Line): string {
  if (component) return component.displayName;
  const what = KINDS[kind] ?? kind.toLowerCase();
  return metric ? `${metric.displayName} ${what}` : what;
}
