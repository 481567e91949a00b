// What a bill is made of: a row for each line, which opens to the steps that it was computed by.
import type { BillLinesFragment } from '../gql/graphql';
import { amountOf, money, span } from '../format';
import { isZero, negative } from '../exact';
import { Fold } from '../parts/Fold';
import type { BillLine } from '../types';
import { Steps } from './Steps';

interface Props {
  bill: BillLinesFragment;
  timezone: string;
  caption: string;
}

export function Lines({ bill, timezone, caption }: Props) {
  if (bill.lines.length === 0) return <p className="empty">Nothing is billed yet.</p>;
  return (
    <table className="lines">
      <caption className="visually-hidden">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">What for</th>
          <th scope="col" className="number wide-only">
            Quantity
          </th>
          <th scope="col" className="number">
            Amount
          </th>
        </tr>
      </thead>
      {keyed(bill.lines).map(([key, line]) => (
        <Line key={key} line={line} bill={bill} timezone={timezone} />
      ))}
      <Sums bill={bill} />
    </table>
  );
}

function Line({ line, bill, timezone }: { line: BillLine; bill: BillLinesFragment; timezone: string }) {
  const { metric, quantity, period } = line;
  const isUse = metric && (line.kind === 'USAGE' || line.kind === 'COMMITMENT');
  const used = isUse ? amountOf(quantity, metric.unit, metric.decimals) : null;
  const isPart =
    period && (period.start !== bill.period.start || period.end !== bill.period.end);
  return (
    <Fold
      title={line.description}
      aside={
        <>
          {used && <span className="narrow-only">{used}</span>}
          {isPart && <span>{span(period, timezone)}</span>}
        </>
      }
      columns={3}
      cells={
        <>
          <td className="number wide-only">{used}</td>
          <td className="number">{money(line.amount)}</td>
        </>
      }
    >
      {() => <Steps line={line} />}
    </Fold>
  );
}

function Sums({ bill }: { bill: BillLinesFragment }) {
  const hasCredits = !isZero(bill.creditsApplied.amount);
  const rows = hasCredits
    ? ([
        ['Charges', bill.subtotal],
        ['Paid from credit', negative(bill.creditsApplied)],
        ['Total', bill.total],
      ] as const)
    : ([['Total', bill.total]] as const);
  return (
    <tfoot>
      {rows.map(([title, amount]) => (
        <tr key={title} className={title === 'Total' ? 'total' : undefined}>
          <th scope="row">{title}</th>
          <td className="wide-only" />
          <td className="number">{money(amount)}</td>
        </tr>
      ))}
    </tfoot>
  );
}

/** A preview's lines get new ids each time: an open row stays open by what it is for. */
function keyed(lines: readonly BillLine[]): [string, BillLine][] {
  const seen = new Map<string, number>();
  return lines.map((line) => {
    const name = `${line.kind}/${line.description}/${line.period?.start ?? ''}`;
    const place = seen.get(name) ?? 0;
    seen.set(name, place + 1);
    return [`${name}/${place}`, line];
  });
}
