// Before anything is drawn: the theme that was chosen here before, else the system's.
try {
  const chosen = localStorage.getItem('portal-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is closed to this page: the system's theme it is.
}
