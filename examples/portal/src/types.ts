// Names for what the queries give, derived from them.
import type { BillLinesFragment, PortalQuery, PortalSubscriptionFragment } from './gql/graphql';

export type Customer = NonNullable<PortalQuery['viewer']['customer']>;
export type Subscription = PortalSubscriptionFragment;
export type BillLine = BillLinesFragment['lines'][number];
export type Step = BillLine['steps'][number];
