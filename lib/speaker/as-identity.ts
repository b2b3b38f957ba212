/** Which AS we are to a neighbor, and what follows from it for what it may tell us and what it is told. */
import { peerTypeOf } from '../bgp/fsm/negotiate.js';
import type { PeerType } from '../bgp/wire/context.js';
import { ImportRules } from '../rib/import-rules.js';
import { ONLY_TO_CUSTOMER_PROCEDURES } from '../rib/only-to-customer.js';
import type { ExportProfile } from '../rr/export-profile.js';
import type { ConfederationOptions } from './options.js';
import type { EffectivePeerSettings } from './settings.js';

/** The speaker's own AS numbers. */
export interface AsIdentity {
  /** In a confederation: our Member-AS. */
  readonly asn: number;
  readonly confederation?: ConfederationOptions | undefined;
}

type Settings = Pick<EffectivePeerSettings, 'peerAs' | 'localAs'>;

/** The AS by which we are known outside of our AS and confederation. */
function externalAs({ asn, confederation }: AsIdentity): number {
  return confederation?.identifier ?? asn;
}

/** How a neighbor with these settings stands to us. */
export function neighborType(identity: AsIdentity, { peerAs, localAs }: Settings): PeerType {
  return peerTypeOf(localAs ?? identity.asn, peerAs, identity.confederation?.memberAs);
}

/** Whether a neighbor may be a reflector of ours: one in our own AS that is no client. */
export function isReflector(
  identity: AsIdentity,
  settings: Settings & Pick<EffectivePeerSettings, 'routeReflectorClient'>,
): boolean {
  return neighborType(identity, settings) === 'ibgp' && !settings.routeReflectorClient;
}

/**
 * The AS in our OPEN: `localAs`, else our AS inside of it and of a confederation, else the identifier of the confederation
 * (RFC 5065 section 4).
 */
export function sessionAs(identity: AsIdentity, settings: Settings): number {
  if (settings.localAs !== null) return settings.localAs;
  return neighborType(identity, settings) === 'ebgp' ? externalAs(identity) : identity.asn;
}

/** What we put in front of an AS_PATH, in wire order. */
function prepended(identity: AsIdentity, settings: EffectivePeerSettings): readonly number[] {
  const type = neighborType(identity, settings);
  if (type === 'ibgp') return [];
  if (type === 'confed') return [identity.asn];
  const own = externalAs(identity);
  if (settings.localAs === null) return [own];
  return settings.localAsReplaceAs ? [settings.localAs] : [settings.localAs, own];
}

/** The part of an export profile that has to do with AS numbers. */
export function asExport(
  identity: AsIdentity,
  settings: EffectivePeerSettings,
): Pick<
  ExportProfile,
  | 'target'
  | 'prepend'
  | 'removePrivateAs'
  | 'asOverride'
  | 'peerAs'
  | 'routeServerClient'
  | 'onlyToCustomer'
  | 'blockOnlyToCustomer'
> {
  const type = neighborType(identity, settings);
  const { removePrivateAs, asOverride, role } = settings;
  const procedure = role === null ? undefined : ONLY_TO_CUSTOMER_PROCEDURES[role];
  return {
    target: type === 'ibgp' ? (settings.routeReflectorClient ? 'client' : 'nonClient') : type,
    prepend: prepended(identity, settings),
    removePrivateAs,
    asOverride,
    peerAs: asOverride || removePrivateAs !== null ? settings.peerAs : 0,
    routeServerClient: settings.routeServerClient,
    onlyToCustomer: procedure?.addOnExport === true ? sessionAs(identity, settings) : 0,
    blockOnlyToCustomer: procedure?.block ?? false,
  };
}

/** The import rules of a session; undefined when all may stay as it was received. */
export function importRules(identity: AsIdentity, settings: EffectivePeerSettings): ImportRules | undefined {
  const external = neighborType(identity, settings) === 'ebgp';
  const rules = new ImportRules({
    identity: { asn: identity.asn, confederation: identity.confederation?.identifier },
    peerAs: settings.peerAs,
    localAs: settings.localAs ?? undefined,
    prependLocalAs: external && !settings.localAsNoPrepend,
    allowOwnAs: settings.allowOwnAs,
    enforceFirstAs: external && settings.enforceFirstAs,
    role: settings.role ?? undefined,
  });
  return rules.isActive ? rules : undefined;
}
