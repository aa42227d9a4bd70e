/** The `ports` of NetworkPolicy rules as ranges that can be held against each other. */

export interface PolicyPort {
  readonly protocol?: string | undefined;
  readonly port?: number | string | undefined;
  readonly endPort?: number | undefined;
}

/** `every`: all traffic, whatever its protocol. A named port is known by its name alone where nobody says which number it has. */
export type PortRange =
  | { readonly kind: 'every' }
  | { readonly kind: 'named'; readonly protocol: string; readonly name: string }
  | { readonly kind: 'numbers'; readonly protocol: string; readonly first: number; readonly last: number };

/** Names of the ports of the pods that the rule is about; for rules of which the pods are not known it is left out. */
export type PortNames = Readonly<Record<string, { readonly protocol: string; readonly port: number }>>;

const every: PortRange = { kind: 'every' };

export function portRangesOf(ports: readonly PolicyPort[] | undefined, names?: PortNames): PortRange[] {
  if (!ports || ports.length === 0) return [every];
  return ports.flatMap(({ protocol = 'TCP', port, endPort }) => {
    if (port === undefined) return { kind: 'numbers', protocol, first: 0, last: 65_535 };
    if (typeof port === 'number') return { kind: 'numbers', protocol, first: port, last: endPort ?? port };
    if (!names) return { kind: 'named', protocol, name: port };
    const known = names[port];
    // A name that the pods do not have opens nothing.
    return known?.protocol === protocol ? { kind: 'numbers', protocol, first: known.port, last: known.port } : [];
  });
}

export function portWithin(inner: PortRange, outer: PortRange): boolean {
  if (outer.kind === 'every') return true;
  if (inner.kind === 'every' || inner.protocol !== outer.protocol) return false;
  if (inner.kind === 'named' || outer.kind === 'named')
    return inner.kind === 'named' && outer.kind === 'named' && inner.name === outer.name;
  return inner.first >= outer.first && inner.last <= outer.last;
}

export function describePort(range: PortRange): string {
  if (range.kind === 'every') return 'every port';
  if (range.kind === 'named') return `${range.protocol} port "${range.name}"`;
  const { protocol, first, last } = range;
  if (first === 0) return `every ${protocol} port`;
  return `${protocol} port ${first === last ? String(first) : `${first}-${last}`}`;
}
