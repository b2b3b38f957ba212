import { canonicalScopedAddress } from '../net/index.js';
import { checkNetwork } from '../speaker/config.js';
import type { NetworkOptions } from '../speaker/options.js';
import type { NeighborView } from '../speaker/views.js';
import { ApiClient } from './client.js';
import type { Output } from './output.js';
import { argument } from './show.js';

export interface AnnounceOptions {
  readonly api: string;
  readonly nextHop?: string;
  readonly origin?: string;
  readonly med?: string;
  readonly localPref?: string;
  readonly community?: readonly string[];
  readonly largeCommunity?: readonly string[];
  readonly blackhole?: boolean;
}

/** Announce each prefix; all are checked before the first one is. */
export async function announce(prefixes: readonly string[], options: AnnounceOptions, out: Output): Promise<void> {
  const { nextHop, origin, med, localPref, community, largeCommunity, blackhole } = options;
  const number = (text: string | undefined): unknown =>
    text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
  const networks = prefixes.map((prefix) =>
    argument<NetworkOptions>(() =>
      checkNetwork({
        prefix,
        nextHop,
        origin,
        med: number(med),
        localPref: number(localPref),
        communities: community,
        largeCommunities: largeCommunity,
        blackhole,
      }),
    ),
  );
  const client = new ApiClient(options.api);
  for (const network of networks) {
    await client.post('/v1/announce', network);
    await out.result(`announced ${network.prefix}\n`);
  }
}

export async function withdraw(
  prefixes: readonly string[],
  options: { readonly api: string },
  out: Output,
): Promise<void> {
  const networks = prefixes.map((prefix) => argument(() => checkNetwork(prefix)));
  const client = new ApiClient(options.api);
  for (const { prefix } of networks) {
    await client.post('/v1/withdraw', { prefix });
    await out.result(`withdrawn ${prefix}\n`);
  }
}

export async function confirmRemovals(options: { readonly api: string }, out: Output): Promise<void> {
  const { confirmed } = await new ApiClient(options.api).post<{ confirmed: number }>('/v1/fib/confirm-removals', {});
  await out.result(`confirmed the removal of ${confirmed} ${confirmed === 1 ? 'route' : 'routes'}\n`);
}

export type NeighborChange = 'enable' | 'disable' | 'reset' | 'soft-in' | 'soft-out';

export async function changeNeighbor(
  change: NeighborChange,
  address: string,
  options: { readonly api: string; readonly reason?: string },
  out: Output,
): Promise<void> {
  const canonical = argument(() => canonicalScopedAddress(address));
  const body = options.reason === undefined ? {} : { reason: options.reason };
  const view = await new ApiClient(options.api).post<NeighborView>(
    `/v1/neighbors/${encodeURIComponent(canonical)}/${change}`,
    body,
  );
  await out.result(`${canonical}: ${view.adminDown ? 'disabled' : view.state}\n`);
}
