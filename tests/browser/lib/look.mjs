// Measuring how a page looks.

/** What sticks out to the right: elements that make the page scroll sideways. Empty when it does not. */
export function overflow(page) {
  return page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    const guilty = [...document.body.querySelectorAll('*')].filter((element) => element.getBoundingClientRect().right > root.clientWidth + 0.5);
    return [`${root.scrollWidth} > ${root.clientWidth}`, ...guilty.slice(0, 8).map((element) => `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className}`)];
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
