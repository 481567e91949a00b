// Nobody is known: the link was not followed, or it has expired.
import { Mark } from '../parts/icons';

const TEXTS = {
  none: {
    title: 'Open the portal by its link',
    text: 'This page shows your bills once you come by the link that you were given for it.',
  },
  expired: {
    title: 'Your link has expired',
    text: 'Links to this portal work for a short time, to keep your bills private. Ask for a new link where you got this one, and you will see everything as it is then.',
  },
} as const;

export function NoSession({ why }: { why: keyof typeof TEXTS }) {
  const { title, text } = TEXTS[why];
  return (
    <main className="no-session">
      <title>{title}</title>
      <Mark />
      <h1>{title}</h1>
      <p>{text}</p>
    </main>
  );
}
