/**
 * Measures the stalls of the event loop of the program that it is loaded into (`node --import bench/stall-probe.js …`), from
 * half a second after the start on, and appends one JSON line to the file that STALL_FILE names when the program ends.
 */
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout } from 'node:timers';

const RESOLUTION_MS = 10;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
setTimeout(() => delays.enable(), 500).unref();

process.on('exit', () => {
  delays.disable();
  const stall = (nanoseconds) => Math.max(0, Math.round(nanoseconds / 1e4 - RESOLUTION_MS * 100) / 100);
  const line = { longestMs: stall(delays.max), p99Ms: stall(delays.percentile(99)), samples: delays.count };
  if (process.env.STALL_FILE) appendFileSync(process.env.STALL_FILE, `${JSON.stringify(line)}\n`);
});
