// What was agreed beside the plan: a trial, a change that is to come, commitments.
import { amountOf, day, lastDay, price } from '../format';
import type { Subscription } from '../types';
import type { Preview } from './preview';

export function Terms({ subscription, preview }: { subscription: Subscription; preview: Preview }) {
  const notes = [...notesOf(subscription, preview)];
  if (notes.length === 0) return null;
  return (
    <ul className="notes" aria-label="Terms">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}

function* notesOf(subscription: Subscription, preview: Preview): Generator<string> {
  const { status, trialEndAt, timezone, scheduledChange, commitments } = subscription;
  if (status === 'TRIALING' && trialEndAt) {
    yield `Your trial ends on ${lastDay(trialEndAt, timezone)}. Nothing in it is billed.`;
  }
  if (scheduledChange) {
    const { effectiveAt, plan: next } = scheduledChange;
    yield next
      ? `You change to the ${next.name} plan on ${day(effectiveAt, timezone)}.`
      : `Your plan ends on ${lastDay(effectiveAt, timezone)}.`;
  }
  for (const { committedQuantity, metric, rate, overageRate } of commitments) {
    const each = price(rate, preview.subtotal);
    const more = overageRate && overageRate !== rate ? `, more at ${price(overageRate, preview.subtotal)}` : '';
    yield `${metric.displayName}: ${amountOf(committedQuantity, metric.unit)} committed in each period at ${each}${more}.`;
  }
}
