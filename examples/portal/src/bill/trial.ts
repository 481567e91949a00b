// A period that is all in the trial costs nothing on any plan, and has no invoice.
import type { Subscription } from '../types';

export function isInTrial({ trialEndAt }: Subscription, period: { end: string }): boolean {
  return !!trialEndAt && Date.parse(period.end) <= Date.parse(trialEndAt);
}
