// Waiting for something to become true, without sleeping longer than it takes.

/** Asks again until `look` gives something true; fails with `what` after `within` milliseconds. */
export async function until(what, look, within = 10_000) {
  const end = performance.now() + within;
  let last;
  for (;;) {
    try {
      last = await look();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`waited ${within} ms in vain: ${what} (last: ${last?.message ?? JSON.stringify(last)})`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Whether something stays true for a while. */
export async function stays(what, look, forMilliseconds) {
  const end = performance.now() + forMilliseconds;
  do {
    if (!(await look())) throw new Error(`did not stay so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  } while (performance.now() < end);
}
