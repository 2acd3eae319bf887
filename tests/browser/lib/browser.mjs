// One Chromium for all tests, and windows that watch what goes wrong in them.
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: FLAGS });

/** What a page may not do: fetch from elsewhere, break the content security policy, throw, or complain. */
function watch(context, origin, problems, { networkMayFail }) {
  const documents = new Set();
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (request.isNavigationRequest()) documents.add(request.url());
    if (url.origin !== origin && !['data:', 'blob:', 'about:'].includes(url.protocol)) problems.push(`asked another host: ${request.url()}`);
  });
  context.on('response', (response) => {
    if (response.status() >= 500 && !networkMayFail) problems.push(`${response.status()} from ${response.url()}`);
  });
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const text = message.text();
    const isLoadFailure = text.startsWith('Failed to load resource') || text.includes('net::ERR_');
    // The browser also complains of a page that was asked for and answers 404: that is no fault of the page.
    if (isLoadFailure && (networkMayFail || documents.has(message.location().url))) return;
    problems.push(`console ${message.type()}: ${text} (${message.location().url})`);
  });
  context.on('weberror', (error) => problems.push(`uncaught: ${error.error()?.stack ?? error.error()}`));
}

/** A browser of its own, so to speak: cookies, storage, tabs. */
export async function newContext(browser, site, options, problems) {
  const { as = null, javaScript = true, width = 1280, height = 800, scheme = 'light', motion = 'reduce', touch = false, networkMayFail = false } = options;
  const context = await browser.newContext({
    baseURL: site.url,
    javaScriptEnabled: javaScript,
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: motion,
    locale: 'en-GB',
    hasTouch: touch,
    isMobile: touch,
  });
  context.setDefaultTimeout(15_000);
  watch(context, new URL(site.url).origin, problems, { networkMayFail });
  if (javaScript) {
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`content security policy: ${event.violatedDirective} forbids ${event.blockedURI} (${event.sourceFile}:${event.lineNumber})`);
      });
    });
  }
  if (as) await context.addCookies(as.cookies);
  return context;
}
