// The chart's numbers, to the last digit.
import { money, weekday } from '../format';
import type { Costs } from './costs';

export function CostTable({ costs, timezone }: { costs: Costs; timezone: string }) {
  const { currency } = costs;
  return (
    <div className="scroll" role="region" aria-label="Cost of each day" tabIndex={0}>
      <table className="plain">
        <caption className="visually-hidden">Cost of each day</caption>
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col" className="number">
              Cost
            </th>
            <th scope="col" className="number">
              In total
            </th>
          </tr>
        </thead>
        <tbody>
          {costs.days.map((day) => (
            <tr key={day.start} className={day.isComing ? 'coming' : undefined}>
              <th scope="row">
                {weekday(day.start, timezone)}
                {day.isComing && <span className="aside">coming</span>}
              </th>
              <td className="number">{money({ amount: day.amount, currency })}</td>
              <td className="number">{money({ amount: day.cumulative, currency })}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
