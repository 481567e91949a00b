// Why a line comes to its amount: tier by tier, and where it was rounded.
import { compare, isZero, sum } from '../exact';
import { amountOf, money, price, quantity } from '../format';
import type { BillLine, Step } from '../types';

const DIGITS_MAX = 6;

export function Steps({ line }: { line: BillLine }) {
  const exact = sum(line.steps.map(({ amount }) => amount));
  const isRounded = compare(exact, line.amount.amount) !== 0;
  const hasFees = line.steps.some(({ flatFee }) => !isZero(flatFee));
  return (
    <table className="steps">
      <caption className="visually-hidden">How {line.description} is computed</caption>
      <thead>
        <tr>
          <th scope="col">Step</th>
          <th scope="col" className="number wide-only">
            Quantity
          </th>
          <th scope="col" className="number wide-only">
            Unit price
          </th>
          {hasFees && (
            <th scope="col" className="number wide-only">
              Flat fee
            </th>
          )}
          <th scope="col" className="number">
            Amount
          </th>
        </tr>
      </thead>
      <tbody>
        {line.steps.map((step, place) => (
          <Row key={place} step={step} line={line} hasFees={hasFees} />
        ))}
      </tbody>
      {isRounded && (
        <tfoot>
          <tr>
            <th scope="row">Rounded once, from {price(exact, line.amount, DIGITS_MAX)}</th>
            <td className="wide-only" colSpan={hasFees ? 3 : 2} />
            <td className="number">{money(line.amount)}</td>
          </tr>
        </tfoot>
      )}
    </table>
  );
}

function Row({ step, line, hasFees }: { step: Step; line: BillLine; hasFees: boolean }) {
  const { metric, amount } = line;
  const fee = isZero(step.flatFee) ? null : price(step.flatFee, amount);
  // Not rounded for display: the amount is its product with the price.
  const used = quantity(step.quantity, DIGITS_MAX);
  const unitPrice = price(step.unitPrice, amount);
  return (
    <tr>
      <th scope="row">
        {step.label}
        <span className="aside">
          {rangeOf(step, metric?.unit)}
          <span className="narrow-only">
            {used} × {unitPrice}
            {fee && ` + ${fee}`}
          </span>
        </span>
      </th>
      <td className="number wide-only">{used}</td>
      <td className="number wide-only">{unitPrice}</td>
      {hasFees && <td className="number wide-only">{fee ?? '–'}</td>}
      <td className="number">{price(step.amount, amount, DIGITS_MAX)}</td>
    </tr>
  );
}

/** Which quantities a tier holds. */
function rangeOf({ from, upTo }: Step, unit?: string | null) {
  if (from === null) return null;
  const text =
    upTo === null ? `above ${amountOf(from, unit)}` : `${quantity(from)} to ${amountOf(upTo, unit)}`;
  return <span>{text}</span>;
}
