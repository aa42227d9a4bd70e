/** A slot is a number that gives a cluster addresses of its own, so that several run side by side. */
export const slots = 16;

export interface Addresses {
  readonly slot: number;
  /** The link's end outside, and its address: where tests connect from. */
  readonly link: string;
  readonly hostIP: string;
  /** The link's end inside. The node's own address, where the API server listens. */
  readonly nodeLink: string;
  readonly nodeIP: string;
  readonly podCIDR: string;
  readonly podGateway: string;
  readonly serviceCIDR: string;
  /** The Service `kubernetes`: the first address of the range, by the API server's own rule. */
  readonly apiServiceIP: string;
  readonly dnsIP: string;
  /** Loopback port outside that leads to the ingress inside. */
  readonly ingressPort: number;
}

/** Ranges of two slots never meet: pods in 10.100–10.115, Services in 10.120–10.135, links in 10.77. */
export function addressesOf(slot: number): Addresses {
  const pods = `10.${100 + slot}`;
  const services = `10.${120 + slot}`;
  return {
    slot,
    link: `clo${slot}`,
    hostIP: `10.77.${slot}.1`,
    nodeLink: `clo${slot}n`,
    nodeIP: `10.77.${slot}.2`,
    podCIDR: `${pods}.0.0/20`,
    podGateway: `${pods}.0.1`,
    serviceCIDR: `${services}.0.0/16`,
    apiServiceIP: `${services}.0.1`,
    dnsIP: `${services}.0.10`,
    ingressPort: 18080 + slot,
  };
}
