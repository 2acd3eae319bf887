// Measuring how a page looks.

/** What sticks out to the right: elements that make the page, or the conversation in it, scroll sideways or are cut off. */
export function overflow(page) {
  return page.evaluate(() => {
    const named = (element) => `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className}`;
    const frames = [document.documentElement, ...document.querySelectorAll('#conversation, .message-body, .panel, .room-card, main')];
    return frames
      .filter((frame) => frame.scrollWidth > frame.clientWidth + 1)
      .flatMap((frame) => {
        const edge = frame.getBoundingClientRect().left + frame.clientWidth;
        const guilty = [...frame.querySelectorAll('*')].filter((element) => element.getBoundingClientRect().right > edge + 0.5);
        return [`${named(frame)}: ${frame.scrollWidth} > ${frame.clientWidth}`, ...guilty.slice(0, 6).map(named)];
      });
  });
}

/** Light or dark, and all that changes with it has changed. */
export async function setScheme(page, colorScheme) {
  await page.emulateMedia({ colorScheme });
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    await frame();
    await frame();
    await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})));
    await frame();
  });
}

/** How much the layout shifted since the page began to load, without what the reader caused himself. */
export function layoutShift(page) {
  return page.evaluate(
    () =>
      new Promise((resolve) => {
        let sum = 0;
        const sources = [];
        const observer = new PerformanceObserver((list) => add(list.getEntries()));
        const add = (entries) => {
          for (const entry of entries) {
            if (entry.hadRecentInput) continue;
            sum += entry.value;
            for (const source of entry.sources) sources.push(source.node?.className ?? source.node?.nodeName);
          }
        };
        observer.observe({ type: 'layout-shift', buffered: true });
        // Two frames, so that what is buffered has been told.
        requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
          add(observer.takeRecords());
          observer.disconnect();
          resolve({ sum, sources });
        })));
      }),
  );
}

const MOST_TAB_STOPS = 60;

/** Goes through the page by Tab; tells where the focus cannot be seen. */
export async function tabThrough(page) {
  // How everything looks without the focus; it is put back to the beginning of the page.
  await page.evaluate(() => {
    document.activeElement?.blur();
    getSelection()?.removeAllRanges();
    const properties = ['outlineStyle', 'outlineWidth', 'outlineColor', 'boxShadow', 'borderColor', 'backgroundColor', 'textDecorationLine'];
    window.looks = (element) => {
      // The mark may stand on what holds the element.
      const chain = [element, element.parentElement, element.parentElement?.parentElement].filter(Boolean);
      const styles = [...chain.map((one) => getComputedStyle(one)), getComputedStyle(element, '::after')];
      return styles.map((style) => properties.map((property) => style[property]).join('|')).join('§');
    };
    window.resting = new Map();
    for (const element of document.querySelectorAll('a[href], button, input, textarea, select, summary, [tabindex]')) {
      window.resting.set(element, window.looks(element));
    }
  });
  const faults = [];
  const seen = new Set();
  for (let step = 0; step < MOST_TAB_STOPS; step++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(async () => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      // Two frames and whatever transition there is.
      await Promise.all(element.getAnimations().map((animation) => animation.finished.catch(() => {})));
      const box = element.getBoundingClientRect();
      window.numbers ??= new Map();
      if (!window.numbers.has(element)) window.numbers.set(element, window.numbers.size);
      const name = `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ''}.${element.className?.baseVal ?? element.className} "${(element.innerText || element.getAttribute('aria-label') || element.name || '').trim().slice(0, 30)}"`;
      return {
        number: window.numbers.get(element),
        name,
        changed: window.resting.get(element) !== window.looks(element),
        inView: box.width > 0 && box.height > 0 && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
      };
    });
    if (!stop) continue;
    if (seen.has(stop.number)) break;
    seen.add(stop.number);
    if (!stop.changed) faults.push(`nothing shows that the focus is on ${stop.name}`);
    if (!stop.inView) faults.push(`out of sight with the focus on it: ${stop.name}`);
  }
  if (!seen.size) faults.push('Tab leads nowhere');
  return faults;
}
