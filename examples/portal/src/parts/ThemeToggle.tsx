// Light or dark: the system's until it is chosen here. `public/theme.js` reads what was chosen.
import { useState } from 'react';
import { Moon, Sun } from './icons';

type Theme = 'light' | 'dark';

export function ThemeToggle() {
  const [theme, setTheme] = useState(shown);
  const other: Theme = theme === 'dark' ? 'light' : 'dark';
  const toggle = () => {
    document.documentElement.dataset.theme = other;
    try {
      localStorage.setItem('portal-theme', other);
    } catch {
      // it holds until the page is closed
    }
    setTheme(other);
  };
  return (
    <button type="button" className="icon-button" onClick={toggle} aria-label={`Use ${other} theme`}>
      {theme === 'dark' ? <Sun /> : <Moon />}
    </button>
  );
}

function shown(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}
