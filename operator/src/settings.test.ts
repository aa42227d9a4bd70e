import { describe, expect, test } from 'vitest';
import { parseConfiguration } from './settings.ts';

const smallest = 'agentRuntime: { image: runtime:1, egressURL: "http://egress.cloister-system.svc:80/v1" }';

describe('the configuration file', () => {
  test('needs no more than the image and the way out', () => {
    expect(parseConfiguration(smallest, 'operator.yaml')).toMatchObject({
      systemNamespace: 'cloister-system',
      ingress: { baseDomain: 'cloister.localhost', edgeService: 'edge' },
      postgres: { adminSecret: { name: 'postgres-admin' }, port: 5432 },
    });
  });
  test('with a misspelt field is refused, and the field named', () => {
    expect(() => parseConfiguration(`${smallest}\nredis: { prot: 1 }`, 'operator.yaml')).toThrow(/operator\.yaml: redis: .*prot/);
  });
  test('cannot open the network to everybody by an empty peer', () => {
    expect(() => parseConfiguration(`${smallest}\ndns: { networkPeer: {} }`, 'operator.yaml')).toThrow(
      /an empty peer would open everything/,
    );
  });
  test.each(['accessNamespace', 'providersNamespace'])('cannot have tenants’ own keys in the place of %s', (other) => {
    expect(() => parseConfiguration(`${smallest}\nownKeysNamespace: same\n${other}: same`, 'operator.yaml')).toThrow(
      /operator\.yaml: ownKeysNamespace: "same" holds something else/,
    );
  });
  test('that is no YAML is named', () => {
    expect(() => parseConfiguration('a: [', 'operator.yaml')).toThrow(/operator\.yaml: /);
  });
});
