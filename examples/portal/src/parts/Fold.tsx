// A table's row that opens: what is inside is rendered, and asked for, only when it is open.
import { type ReactNode, useId, useState } from 'react';
import { Chevron } from './icons';

interface Props {
  title: ReactNode;
  aside?: ReactNode;
  cells: ReactNode;
  columns: number;
  /** Without it there is nothing to open. */
  children?: (() => ReactNode) | undefined;
}

export function Fold({ title, aside, cells, columns, children }: Props) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const name = (
    <span>
      {title}
      {aside && <span className="aside">{aside}</span>}
    </span>
  );
  return (
    <tbody className="fold" data-open={isOpen}>
      <tr>
        <th scope="row">
          {children ? (
            <button
              type="button"
              className="fold-button"
              aria-expanded={isOpen}
              aria-controls={isOpen ? id : undefined}
              onClick={() => setOpen(!isOpen)}
            >
              <Chevron />
              {name}
            </button>
          ) : (
            <div className="fold-name">{name}</div>
          )}
        </th>
        {cells}
      </tr>
      {isOpen && children && (
        <tr className="fold-inside" id={id}>
          <td colSpan={columns}>{children()}</td>
        </tr>
      )}
    </tbody>
  );
}
