import { readConfig } from '../../speaker/config.js';
import type { ConfigProblem } from '../../speaker/config-errors.js';
import type { NetworkOptions, SpeakerConfig } from '../../speaker/options.js';
import { UsageError } from '../../net/index.js';
import * as sim from '../../sim/index.js';
import type { Scenario } from './schema.js';

/** A network of a scenario, not started; or what is wrong with it. */
export function buildNetwork(scenario: Scenario): { net: sim.Network; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  /** Do something for a place in the file; a name that is not there is that place's fault. */
  const at = (path: ConfigProblem['path'], action: () => void): void => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problems.push({ path, message: error.message });
    }
  };
  let net = new sim.Network();
  at(['network'], () => (net = fromBuilder(scenario)));
  for (const [name, router] of Object.entries(scenario.routers ?? {})) {
    const { config, networks, ...rest } = router ?? {};
    at(['routers', name], () =>
      net.router(name, {
        ...(rest as sim.RouterOptions),
        config: (config ?? {}) as Partial<SpeakerConfig>,
        networks: (networks ?? []) as (string | NetworkOptions)[],
      }),
    );
  }
  (scenario.links ?? []).forEach(({ between: [a, b], ...options }, i) =>
    at(['links', i], () => net.link(a, b, options as sim.LinkOptions)),
  );
  (scenario.peers ?? []).forEach(({ between: [a, b], first, second }, i) =>
    at(['peers', i], () => net.peer(a, b, first ?? {}, second ?? {})),
  );
  for (const [name, { on, address }] of Object.entries(scenario.pods ?? {})) {
    at(['pods', name], () => net.pod(name, on, address));
  }
  if (problems.length === 0) problems.push(...speakerProblems(net, scenario), ...nameProblems(net, scenario));
  return { net, problems };
}

function fromBuilder(scenario: Scenario): sim.Network {
  const { builder, size = 3, spines = 2, ...more } = scenario.network ?? {};
  const options = { ...more, seed: scenario.seed ?? 1 } as sim.BuilderOptions;
  switch (builder) {
    case undefined:
      return new sim.Network(options);
    case 'leafSpine':
      return sim.leafSpine(size, spines, options);
    default:
      return sim[builder](size, options);
  }
}

/** What a speaker would say of its configuration, at the place in the scenario where it comes from. */
function speakerProblems(net: sim.Network, scenario: Scenario): ConfigProblem[] {
  return [...net.routers.values()].flatMap((router) =>
    readConfig(router.config).problems.map((problem): ConfigProblem => {
      const { path } = problem;
      const own = scenario.routers?.[router.name]?.config;
      if (path[0] === 'neighbors' && own?.['neighbors'] === undefined && typeof path[1] === 'number') {
        return { ...problem, ...peerPlace(net, scenario, router, path[1], path.slice(2)) };
      }
      if (path[0] === 'networks' && own?.['networks'] === undefined) {
        return { ...problem, path: ['routers', router.name, ...path] };
      }
      return { ...problem, path: ['routers', router.name, ...(own === undefined ? [] : ['config']), ...path] };
    }),
  );
}

function peerPlace(
  net: sim.Network,
  scenario: Scenario,
  router: sim.Router,
  index: number,
  rest: ConfigProblem['path'],
): Pick<ConfigProblem, 'path'> {
  const other = net.ownerOf(router.config.neighbors![index]!.address)?.name;
  const at = (scenario.peers ?? []).findIndex(
    ({ between }) => between.includes(router.name) && between.includes(other!),
  );
  if (at < 0) return { path: ['network'] };
  return { path: ['peers', at, scenario.peers![at]!.between[0] === router.name ? 'first' : 'second', ...rest] };
}

/** Steps name hosts, pods and links that are there. */
function nameProblems(net: sim.Network, scenario: Scenario): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const need = (ok: boolean, path: ConfigProblem['path'], what: string): void => {
    if (!ok) problems.push({ path, message: `there is no ${what}` });
  };
  (scenario.steps ?? []).forEach((step, i) => {
    const router = (name: string, ...path: (string | number)[]): void =>
      need(net.routers.has(name), ['steps', i, ...path], `router ${name}`);
    for (const kind of ['announce', 'withdraw', 'configure', 'best', 'routes', 'fib'] as const) {
      const of = step[kind];
      if (of !== undefined) router(of.router, kind, 'router');
    }
    for (const kind of ['crash', 'kill'] as const) if (step[kind] !== undefined) router(step[kind], kind);
    for (const kind of ['stop', 'start'] as const) for (const one of step[kind] ?? []) router(one, kind);
    for (const kind of ['reset', 'unpeer'] as const) step[kind]?.forEach((one, k) => router(one, kind, k));
    for (const kind of ['peer', 'session'] as const) {
      step[kind]?.between.forEach((one, k) => router(one, kind, 'between', k));
    }
    for (const kind of ['cut', 'silence', 'restore', 'breakConnections'] as const) {
      step[kind]?.forEach((one, k) => need(net.hosts.has(one), ['steps', i, kind, k], `host ${one}`));
    }
    for (const kind of ['isolate', 'rejoin'] as const) {
      if (step[kind] !== undefined) need(net.hosts.has(step[kind]), ['steps', i, kind], `host ${step[kind]}`);
    }
    if (step.setLink !== undefined) {
      need(net.segments.has(dashed(step.setLink.link)), ['steps', i, 'setLink', 'link'], `link ${step.setLink.link}`);
    }
  });
  return problems;
}

/** Links are named `a–b`; on a keyboard it is easier to write `a-b`, so where there is one `-` it stands for the other. */
export function dashed(link: string): string {
  return link.includes('–') ? link : link.replace(/ - |-/, '–');
}
