// A part of a page, with its title and what belongs beside it.
import { type ReactNode, useId } from 'react';

interface Props {
  title: string;
  note?: ReactNode;
  tools?: ReactNode;
  children: ReactNode;
}

export function Card({ title, note, tools, children }: Props) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id}>
      <div className="card-head">
        <div>
          <h2 id={id}>{title}</h2>
          {note && <p className="muted small">{note}</p>}
        </div>
        {tools}
      </div>
      {children}
    </section>
  );
}
