/**
 * Measures the stalls of the event loop of the program that it is loaded into (`node --import bench/stall-probe.js …`), from
 * half a second after the start on (or STALL_AFTER_MS), and appends one JSON line to the file that STALL_FILE names when the program ends: the longest
 * stall and the 99th percentile in milliseconds; and of each stall without the time for which the main thread could have run
 * and had no processor (Linux), the longest.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import process from 'node:process';
import { setInterval, setTimeout } from 'node:timers';

const RESOLUTION_MS = 10;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let [last, lastWaited, ownMs] = [0, 0, 0];

setTimeout(
  () => {
    delays.enable();
    [last, lastWaited] = [performance.now(), waitedForProcessor()];
    setInterval(tick, RESOLUTION_MS).unref();
  },
  Number(process.env.STALL_AFTER_MS ?? 500),
).unref();

function tick() {
  const [now, waited] = [performance.now(), waitedForProcessor()];
  ownMs = Math.max(ownMs, now - last - RESOLUTION_MS - (waited - lastWaited));
  [last, lastWaited] = [now, waited];
}

/** Milliseconds. */
function waitedForProcessor() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}

process.on('exit', () => {
  delays.disable();
  const stall = (nanoseconds) => Math.max(0, Math.round(nanoseconds / 1e4 - RESOLUTION_MS * 100) / 100);
  const longestOwnMs = Math.round(ownMs * 100) / 100;
  const line = {
    longestMs: stall(delays.max),
    longestOwnMs,
    p99Ms: stall(delays.percentile(99)),
    samples: delays.count,
  };
  if (process.env.STALL_FILE) appendFileSync(process.env.STALL_FILE, `${JSON.stringify(line)}\n`);
});
