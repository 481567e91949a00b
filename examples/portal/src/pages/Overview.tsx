// The period that runs: what it comes to so far, day by day, and what that is made of.
import { Costs } from '../bill/Costs';
import { Lines } from '../bill/Lines';
import { usePreview } from '../bill/preview';
import { SoFar } from '../bill/SoFar';
import { Terms } from '../bill/Terms';
import { day, lastDay } from '../format';
import { Card } from '../parts/Card';
import { Failure } from '../parts/Failure';
import { Skeleton } from '../parts/Skeleton';
import type { Subscription } from '../types';

export function Overview({ subscription }: { subscription: Subscription }) {
  if (!subscription.currentPeriod) return <NoPeriod subscription={subscription} />;
  return <Running subscription={subscription} />;
}

function Running({ subscription }: { subscription: Subscription }) {
  const { preview, liveness, error, again } = usePreview(subscription.id);
  if (!preview) {
    return (
      <section className="card hero" aria-label="So far">
        {error ? <Failure error={error} retry={again} /> : <Skeleton lines={4} />}
      </section>
    );
  }
  return (
    <div className="stack">
      <SoFar preview={preview} subscription={subscription} liveness={liveness} />
      <Terms subscription={subscription} preview={preview} />
      <Costs subscription={subscription} preview={preview} />
      <Card title="What it is made of" note="Open a line to see how it was computed.">
        <Lines bill={preview} timezone={subscription.timezone} caption="The bill so far" />
      </Card>
    </div>
  );
}

function NoPeriod({ subscription }: { subscription: Subscription }) {
  const { plan, startAt, endAt, status, timezone } = subscription;
  if (status === 'SCHEDULED') {
    const start = day(startAt, timezone);
    return (
      <p className="card empty">
        Your {plan.name} plan begins on {start}. Its costs will be here from then on.
      </p>
    );
  }
  return (
    <p className="card empty">
      Your {plan.name} plan ended on {lastDay(endAt ?? startAt, timezone)}.{' '}
      <a href="#invoices">See your invoices</a>
    </p>
  );
}
