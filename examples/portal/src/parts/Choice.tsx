// One of a few ways to look at the same thing.
import { useId } from 'react';

interface Props<T extends string> {
  legend: string;
  options: Readonly<Record<T, string>>;
  value: T;
  onChange: (value: T) => void;
}

export function Choice<T extends string>({ legend, options, value, onChange }: Props<T>) {
  const name = useId();
  return (
    <fieldset className="choice">
      <legend className="visually-hidden">{legend}</legend>
      {(Object.entries(options) as [T, string][]).map(([option, title]) => (
        <label key={option}>
          <input
            type="radio"
            name={name}
            checked={option === value}
            onChange={() => onChange(option)}
          />
          <span>{title}</span>
        </label>
      ))}
    </fieldset>
  );
}
