// Light or dark: the system's until it is chosen here. `public/theme.js` reads what was chosen.
import { useState, useSyncExternalStore } from 'react';
import { Moon, Sun } from './icons';

type Theme = 'light' | 'dark';

const system = matchMedia('(prefers-color-scheme: dark)');

export function ThemeToggle() {
  const ofSystem = useSyncExternalStore<Theme>(subscribe, () => (system.matches ? 'dark' : 'light'));
  const [chosen, choose] = useState(before);
  const other: Theme = (chosen ?? ofSystem) === 'dark' ? 'light' : 'dark';
  const toggle = () => {
    document.documentElement.dataset.theme = other;
    try {
      localStorage.setItem('portal-theme', other);
    } catch {
      // it holds until the page is closed
    }
    choose(other);
  };
  return (
    <button type="button" className="icon-button" onClick={toggle} aria-label={`Use ${other} theme`}>
      {other === 'light' ? <Sun /> : <Moon />}
    </button>
  );
}

function before(): Theme | undefined {
  const theme = document.documentElement.dataset.theme;
  return theme === 'light' || theme === 'dark' ? theme : undefined;
}

function subscribe(listener: () => void): () => void {
  system.addEventListener('change', listener);
  return () => system.removeEventListener('change', listener);
}
