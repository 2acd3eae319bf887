// Blocking on purpose: the chosen colours are set before the first paint. Without a choice the system's hold.
try {
  const theme = localStorage.getItem('theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // No storage here (blocked, private): the system's colours hold.
}
