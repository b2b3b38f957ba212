import { Command, CommanderError, Option } from 'commander';
import { startFrugally } from '../io/engine.js';
import { registerDecode } from './decode.js';
import { registerEncode } from './encode.js';
import { isCommandError, type Output } from './output.js';
import type { AnnounceOptions, NeighborChange } from './change.js';
import type { ReplayCommandOptions } from './replay.js';
import type { RunOptions } from './run.js';
import type { FibShowOptions, RouteOptions, ShowOptions } from './show.js';
import type { SimulateOptions } from './simulate/simulate.js';
import type { WatchCommandOptions } from './watch.js';
import { version } from './version.js';

export const DEFAULT_API = 'http://127.0.0.1:8179';

/**
 * Run one `tsbgp` command. Modules of a command are loaded only when it is given.
 * @param args without the program's name
 * @returns the exit code: 0 done, 1 it failed, 2 it was called wrongly, more where a command says so
 */
export async function runProgram(args: readonly string[], out: Output): Promise<number> {
  let code = 0;
  const program = buildProgram(out, (other) => (code = other));
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (isCommandError(error)) {
      out.message(error.message);
      return error.exitCode;
    }
    throw error;
  }
}

/**
 * All commands, ready to parse arguments.
 * @param onExitCode told when a command that is done has an exit code other than 0
 */
export function buildProgram(out: Output, onExitCode: (code: number) => void = () => undefined): Command {
  const program = new Command('tsbgp')
    .description('BGP speaker, route reflector and kernel route writer')
    .exitOverride()
    .configureOutput({ writeOut: (text) => void out.result(text), writeErr: (text) => out.message(text.trimEnd()) })
    .showHelpAfterError('(tsbgp --help tells more)')
    .version(version(), '-V, --version', 'print the version');

  program
    .command('run')
    .description('run a speaker until SIGTERM or SIGINT; SIGHUP re-reads the file and applies the difference')
    .argument('<file>', 'configuration, YAML or JSON')
    .option('--record <file>', 'write down all that reaches the speaker, for tsbgp replay')
    .option('--record-limit <size>', 'end the recording when it has this size; default 500MB')
    .action(async (file: string, options: RunOptions) => {
      const onRunning = startFrugally();
      try {
        await (await import('./run.js')).run(file, options, out, onRunning);
      } finally {
        onRunning();
      }
    });
  program
    .command('check')
    .description('validate a configuration file')
    .argument('<file>', "configuration, YAML or JSON; '-' for standard input")
    .option('--against <url>', 'print what the running speaker with this API would do with it, and do nothing')
    .option('--json', 'with --against: the plan as JSON')
    .action(async (file: string, { against, json }: { against?: string; json?: boolean }) => {
      if (against === undefined) return (await import('./check.js')).check(file, out, json === true);
      onExitCode(await (await import('./plan.js')).checkAgainst(file, { against, json: json === true }, out));
    });
  program
    .command('simulate')
    .description('run a network from a scenario file, in virtual time, and check what is expected of it')
    .argument('<file>', "scenario, YAML or JSON; '-' for standard input")
    .option('--seed <number>', 'instead of the seed in the file')
    .option('--json', 'the report as JSON')
    .option('--html <file>', 'write the report as a page, too')
    .action(async (file: string, options: SimulateOptions) =>
      onExitCode(await (await import('./simulate/simulate.js')).simulateFile(file, options, out)),
    );
  addShow(program, out);
  program
    .command('watch')
    .description('print what a running speaker has, then every change, as JSON lines')
    .addOption(apiOption())
    .option('--family <family>', 'ipv4-unicast or ipv6-unicast')
    .option('--all', 'every change of any path, not only of the best ones')
    .option('--no-routes', 'no routes')
    .option('--neighbors', 'neighbors too')
    .option('--fib', 'what happens to kernel routes too')
    .action(async (options: WatchCommandOptions) => (await import('./watch.js')).watch(options, out));
  addChanges(program, out);
  program
    .command('replay')
    .description('run a recording again: the same RIB at every point')
    .argument('<file>', 'made by tsbgp run --record')
    .option('--until <point>', 'stop after this message (its number), or at this time')
    .option('--messages', 'print every message')
    .option('--changes', 'print every message, and every best path that changed, with the reason')
    .option('--show <what...>', 'at the end: routes, all-routes, neighbors, summary, fib, none, or a prefix', [
      'routes',
    ])
    .option('--json', 'JSON lines')
    .action(async (file: string, options: ReplayCommandOptions) =>
      onExitCode(await (await import('./replay.js')).replayCommand(file, options, out)),
    );
  registerDecode(program, out);
  registerEncode(program, out);
  return program;
}

function apiOption(): Option {
  return new Option('--api <url>', 'the API of the running speaker').env('TSBGP_API').default(DEFAULT_API);
}

function addShow(program: Command, out: Output): void {
  const show = program.command('show').description('ask a running speaker');
  const sub = (name: string, description: string): Command =>
    show
      .command(name)
      .description(description)
      .addOption(apiOption())
      .option('--json', 'what the API answers, as JSON');

  sub('summary', 'the speaker at a glance').action(async (options: ShowOptions) =>
    (await import('./show.js')).showSummary(options, out),
  );
  sub('process', 'memory, processor time, and stalls of the event loop').action(async (options: ShowOptions) =>
    (await import('./show.js')).showProcess(options, out),
  );
  sub('neighbors', 'all neighbors, a line each').action(async (options: ShowOptions) =>
    (await import('./show.js')).showNeighbors(options, out),
  );
  sub('neighbor', 'all about one neighbor')
    .argument('<address>')
    .action(async (address: string, options: ShowOptions) =>
      (await import('./show.js')).showNeighbor(address, options, out),
    );
  sub('routes', 'best paths, or those of one neighbor')
    .option('--family <family>', 'ipv4-unicast or ipv6-unicast')
    .option('--received-from <address>', 'what this neighbor told us (its Adj-RIB-In)')
    .option('--advertised-to <address>', 'what we told this neighbor (its Adj-RIB-Out)')
    .option('--within <prefix>', 'only routes in this prefix')
    .option('--all', 'all paths, not only the best ones')
    .option('--limit <count>', 'stop after so many')
    .action(async (options: RouteOptions) => (await import('./show.js')).showRoutes(options, out));
  sub('route', 'all paths of one prefix, and why each lost')
    .argument('<prefix>')
    .action(async (prefix: string, options: ShowOptions) =>
      (await import('./show.js')).showRoute(prefix, options, out),
    );
  sub('fib', 'the routes for the kernel, or all about one of them')
    .argument('[prefix]')
    .option('--state <state>', 'installed, pending, failed, unresolved, stale, held or removing')
    .option('--within <prefix>', 'only routes in this prefix')
    .action(async (prefix: string | undefined, options: FibShowOptions) =>
      (await import('./show.js')).showFib(prefix, options, out),
    );
}

function addChanges(program: Command, out: Output): void {
  program
    .command('announce')
    .description('have a running speaker originate prefixes')
    .argument('<prefix...>')
    .addOption(apiOption())
    .option('--next-hop <address>', "default: the speaker's own address on each session")
    .option('--origin <origin>', 'igp, egp or incomplete')
    .option('--med <number>')
    .option('--local-pref <number>')
    .option('--community <community...>', '65000:100 or a name such as no-export')
    .option('--large-community <community...>', '65000:1:2')
    .option('--blackhole', 'also drop what has no longer prefix, in the kernel')
    .action(async (prefixes: string[], options: AnnounceOptions) =>
      (await import('./change.js')).announce(prefixes, options, out),
    );
  program
    .command('withdraw')
    .description('end what announce began')
    .argument('<prefix...>')
    .addOption(apiOption())
    .action(async (prefixes: string[], options: { api: string }) =>
      (await import('./change.js')).withdraw(prefixes, options, out),
    );
  program
    .command('fib')
    .description('change what is written to the kernel')
    .command('confirm-removals')
    .description('remove the routes that wait for it, whatever fib.removalLimit and fib.holdWithout say')
    .addOption(apiOption())
    .action(async (options: { api: string }) => (await import('./change.js')).confirmRemovals(options, out));
  const neighbor = program.command('neighbor').description('change the session with a neighbor');
  const changes: [NeighborChange, string][] = [
    ['enable', 'start a session that was disabled'],
    ['disable', 'end the session (Cease/Administrative Shutdown) until enable'],
    ['reset', 'end the session (Cease/Administrative Reset); it comes back by itself'],
    ['soft-in', 'ask the neighbor to tell all its routes again (ROUTE-REFRESH)'],
    ['soft-out', 'tell the neighbor all its routes again'],
  ];
  for (const [change, description] of changes) {
    const command = neighbor.command(change).description(description).argument('<address>').addOption(apiOption());
    if (change === 'disable' || change === 'reset')
      command.option('--reason <text>', 'told to the neighbor (RFC 9003)');
    command.action(async (address: string, options: { api: string; reason?: string }) =>
      (await import('./change.js')).changeNeighbor(change, address, options, out),
    );
  }
}
