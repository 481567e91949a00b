// Who it is, where one is, and how it is shown.
import { PAGES, type PageName } from '../route';
import type { Customer, Subscription } from '../types';
import { Mark } from './icons';
import { ThemeToggle } from './ThemeToggle';

interface Props {
  customer: Customer;
  subscriptions: Subscription[];
  subscription: Subscription | undefined;
  choose: (id: string) => void;
  page: PageName;
}

export function Header({ customer, subscriptions, subscription, choose, page }: Props) {
  return (
    <header className="top">
      <div className="top-row">
        <div className="who">
          <Mark />
          <div>
            <strong>{customer.companyName ?? customer.name}</strong>
            <span className="muted">{onlyPlan(subscriptions) ?? 'Billing'}</span>
          </div>
        </div>
        {subscription && subscriptions.length > 1 && (
          <Switch {...{ subscriptions, subscription, choose }} />
        )}
        <ThemeToggle />
      </div>
      <nav className="tabs" aria-label="Pages">
        {Object.entries(PAGES).map(([name, title]) => (
          <a key={name} href={`#${name}`} aria-current={name === page ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
    </header>
  );
}

function onlyPlan(subscriptions: Subscription[]): string | undefined {
  return subscriptions.length === 1 ? `${subscriptions[0]?.plan.name} plan` : undefined;
}

type SwitchProps = Pick<Props, 'subscriptions' | 'choose'> & { subscription: Subscription };

function Switch({ subscriptions, subscription, choose }: SwitchProps) {
  return (
    <label className="switch">
      <span className="visually-hidden">Subscription</span>
      <select value={subscription.id} onChange={(event) => choose(event.target.value)}>
        {subscriptions.map(({ id, plan, status }) => (
          <option key={id} value={id}>
            {plan.name} plan{status === 'ACTIVE' ? '' : ` (${status.toLowerCase()})`}
          </option>
        ))}
      </select>
    </label>
  );
}
