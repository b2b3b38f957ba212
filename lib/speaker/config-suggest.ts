/** Words of other BGP configurations for our keys, lower case without `-` and `_`. */
const SYNONYMS: Readonly<Record<string, string>> = {
  as: 'asn',
  autonomoussystem: 'asn',
  localas: 'asn',
  routerid: 'routerId',
  bgpid: 'routerId',
  remoteas: 'peerAs',
  peeras: 'peerAs',
  neighboras: 'peerAs',
  rrclient: 'routeReflectorClient',
  reflectorclient: 'routeReflectorClient',
  rrclusterid: 'clusterId',
  peers: 'neighbors',
  neighbor: 'neighbors',
  peer: 'address',
  ip: 'address',
  neighboraddress: 'address',
  sourceaddress: 'localAddress',
  updatesource: 'localAddress',
  source: 'localAddress',
  shutdown: 'adminDown',
  disabled: 'adminDown',
  peertemplate: 'peerGroup',
  template: 'peerGroup',
  groups: 'peerGroups',
  templates: 'peerGroups',
  announce: 'networks',
  network: 'networks',
  kernel: 'fib',
  localpreference: 'localPref',
  metricmed: 'med',
  remoteport: 'port',
  listenrange: 'dynamicNeighbors',
};

/**
 * The candidate that a mistyped word most probably means.
 * @returns undefined when nothing is near
 */
export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  const plain = simplify(word);
  const same = candidates.find((candidate) => simplify(candidate) === plain);
  if (same !== undefined) return same;
  const synonym = Object.hasOwn(SYNONYMS, plain) ? SYNONYMS[plain] : undefined;
  if (synonym !== undefined && candidates.includes(synonym)) return synonym;
  const longer = candidates.filter((candidate) => plain.length > 2 && simplify(candidate).startsWith(plain));
  if (longer.length === 1) return longer[0];
  let best: string | undefined;
  // A third of the letters may be wrong, and never more than three.
  let limit = Math.min(3, Math.floor(plain.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(plain, simplify(candidate));
    if (distance < limit) [best, limit] = [candidate, distance];
  }
  return best;
}

function simplify(word: string): string {
  return word.toLowerCase().replace(/[-_ ]/g, '');
}

/** Letters to insert, delete, replace or swap with their neighbor to make `a` of `b`. */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => {
    const row = new Array<number>(b.length + 1).fill(0);
    row[0] = i;
    return row;
  });
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = least;
    }
  }
  return rows[a.length]![b.length]!;
}
