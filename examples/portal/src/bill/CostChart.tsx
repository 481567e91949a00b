// The chart of a period's days: stacked by price, or summed up. Loaded when it is looked at.
import {
  Area,
  AreaChart,
  Bar,
  BarChart,
  CartesianGrid,
  Rectangle,
  ReferenceArea,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import type { BarShapeProps, TooltipContentProps } from 'recharts';
import { money, roughMoney, shortDay, weekday } from '../format';
import type { Costs, Day } from './costs';

const HEIGHT = 260;
const TICK = { fill: 'var(--muted)', fontSize: 12 };

interface Props {
  costs: Costs;
  timezone: string;
  isCumulative: boolean;
}

export default function CostChart({ costs, timezone, isCumulative }: Props) {
  const { days, series, currency } = costs;
  const Chart = isCumulative ? AreaChart : BarChart;
  const coming = days.filter(({ isComing }) => isComing);
  const title = summary(costs, timezone);
  return (
    <figure className="chart" data-testid="cost-chart">
      <ResponsiveContainer width="100%" height={HEIGHT}>
        <Chart
          data={days}
          stackOffset="sign"
          margin={{ top: 8, right: 4, bottom: 0, left: 0 }}
          barCategoryGap="18%"
          title={title}
        >
          <CartesianGrid vertical={false} stroke="var(--line)" />
          <XAxis
            dataKey="start"
            tickFormatter={(start: string) => shortDay(start, timezone)}
            tick={TICK}
            tickLine={false}
            axisLine={{ stroke: 'var(--line)' }}
            minTickGap={28}
          />
          <YAxis
            tickFormatter={(value: number) => roughMoney(value, currency)}
            tick={TICK}
            tickLine={false}
            axisLine={false}
            width="auto"
          />
          <Tooltip
            cursor={isCumulative ? { stroke: 'var(--line-strong)' } : { fill: 'var(--hover)', stroke: 'none' }}
            isAnimationActive={false}
            content={(shown) => <Tip {...shown} currency={currency} timezone={timezone} />}
          />
          {isCumulative && (
            <Area
              dataKey="height"
              type="monotone"
              stroke="var(--accent)"
              strokeWidth={2}
              fill="var(--accent)"
              fillOpacity={0.14}
              isAnimationActive={false}
            />
          )}
          {isCumulative && coming.length > 1 && (
            <ReferenceArea
              x1={coming[0]?.start}
              x2={coming.at(-1)?.start}
              fill="var(--surface)"
              fillOpacity={0.6}
            />
          )}
          {!isCumulative &&
            series.map((name, place) => (
              <Bar
                key={name}
                stackId="day"
                name={name}
                dataKey={(day: Day) => day.heights[name] ?? 0}
                fill={`var(--series-${place + 1})`}
                shape={Piece}
                isAnimationActive={false}
              />
            ))}
        </Chart>
      </ResponsiveContainer>
      {!isCumulative && <Legend series={series} />}
    </figure>
  );
}

function Piece(props: BarShapeProps) {
  const { isComing } = props.payload as Day;
  return <Rectangle {...props} className={isComing ? 'coming' : undefined} />;
}

function Legend({ series }: { series: string[] }) {
  return (
    <figcaption>
      <ul className="legend">
        {series.map((name, place) => (
          <li key={name}>
            <span className={`swatch series-${place + 1}`} aria-hidden="true" />
            {name}
          </li>
        ))}
      </ul>
    </figcaption>
  );
}

interface TipProps extends TooltipContentProps {
  currency: string;
  timezone: string;
}

function Tip({ active, payload, currency, timezone }: TipProps) {
  const day = payload[0]?.payload as Day | undefined;
  if (!active || !day) return null;
  return (
    <div className="tip">
      <strong>
        {weekday(day.start, timezone)}
        {day.isComing && <span className="muted"> · coming</span>}
      </strong>
      <dl>
        {Object.entries(day.parts).map(([name, amount]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{money({ amount, currency })}</dd>
          </div>
        ))}
        <div className="total">
          <dt>This day</dt>
          <dd>{money({ amount: day.amount, currency })}</dd>
        </div>
        <div>
          <dt>In total</dt>
          <dd>{money({ amount: day.cumulative, currency })}</dd>
        </div>
      </dl>
    </div>
  );
}

function summary({ days, currency }: Costs, timezone: string): string {
  const past = days.filter(({ isComing }) => !isComing);
  const first = past[0];
  const last = past.at(-1);
  if (!first || !last) return 'No day has cost anything yet.';
  const total = money({ amount: last.cumulative, currency });
  const from = shortDay(first.start, timezone);
  return `Cost by day from ${from} to ${shortDay(last.start, timezone)}: ${total} in total. The same numbers are in the table.`;
}
