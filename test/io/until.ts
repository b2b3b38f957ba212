/** Wait for a condition in real time, looking after each turn of the event loop. @throws after `limitMs` */
export async function until(condition: () => boolean, limitMs = 20_000): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`condition not met within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
