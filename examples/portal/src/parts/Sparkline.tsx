// The shape of a month in the height of a line; the numbers are beside it.
const WIDTH = 120;
const HEIGHT = 28;

export function Sparkline({ values }: { values: number[] }) {
  const low = Math.min(0, ...values);
  const height = Math.max(0, ...values) - low || 1;
  const step = WIDTH / Math.max(values.length, 1);
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {values.map((value, place) => {
        const tall = Math.max((Math.abs(value) / height) * HEIGHT, value === 0 ? 0 : 1);
        const top = HEIGHT - ((Math.max(value, 0) - low) / height) * HEIGHT;
        return (
          <rect key={place} x={place * step} y={top} width={step * 0.7} height={tall} rx="1" />
        );
      })}
    </svg>
  );
}
