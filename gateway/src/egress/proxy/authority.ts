export interface Authority {
  /** In lower case, without a dot at its end. */
  readonly host: string;
  readonly port: number;
}

const form = /^((?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)\.?:([1-9][0-9]{0,4})$/i;

/** What a CONNECT names. Undefined where it is no domain and port: addresses, in whatever way they are written, are none. */
export function parseAuthority(text: string): Authority | undefined {
  const [, host = '', digits] = form.exec(text) ?? [];
  const port = Number(digits);
  return host === '' || host.length > 253 || port > 65_535 ? undefined : { host: host.toLowerCase(), port };
}
