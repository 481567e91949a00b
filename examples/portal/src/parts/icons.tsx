// The few pictures; each is beside words, or in a control that has a name.
import type { ReactNode } from 'react';

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const Chevron = () => (
  <Icon>
    <path d="m7.5 5 5 5-5 5" />
  </Icon>
);

export const Download = () => (
  <Icon>
    <path d="M10 3.5v9m0 0 3.5-3.5M10 12.5 6.5 9M4 16.500h12" />
  </Icon>
);

export const Sun = () => (
  <Icon>
    <circle cx="10" cy="10" r="3.2" />
    <path d="M10 2.500v1.500m0 12v1.500m7.5-7.500H16m-12 0H2.500m12.8-5.3-1 1m-8.6 8.6-1 1m10.6 0-1-1m-8.6-8.6-1-1" />
  </Icon>
);

export const Moon = () => (
  <Icon>
    <path d="M16.5 11.800A6.8 6.8 0 0 1 8.2 3.500a6.8 6.8 0 1 0 8.3 8.300Z" />
  </Icon>
);

export const Mark = () => (
  <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="9" />
    <path d="M9 21v-4M16 21V11M23 21v-7" />
  </svg>
);
