// Blocking on purpose, and therefore tiny: before the first paint the page knows that scripts run, and which colours were
// chosen. Without a choice the system's hold.
document.documentElement.classList.add('script');
try {
  const theme = localStorage.getItem('theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // No storage here (blocked, private): the system's colours hold.
}
