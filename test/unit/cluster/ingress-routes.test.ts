import { describe, expect, it } from 'vitest';
import type { Ingress, IngressPath, Service } from '../../cluster/ingress/resources.ts';
import { routesOf } from '../../cluster/ingress/routes.ts';

const service = (name: string, clusterIP = '10.120.0.5'): Service => ({
  metadata: { name, namespace: 'shop' },
  spec: { clusterIP, ports: [{ name: 'http', port: 80 }] },
});

const path = (value: string, pathType = 'Prefix', name = 'web'): IngressPath => ({
  path: value,
  pathType,
  backend: { service: { name, port: { number: 80 } } },
});

const ingress = (name: string, host: string | undefined, paths: IngressPath[], created = '2026-01-01T00:00:00Z'): Ingress => ({
  metadata: { name, namespace: 'shop', creationTimestamp: created },
  spec: { ingressClassName: 'nginx', rules: [{ ...(host === undefined ? {} : { host }), http: { paths } }] },
});

const routes = (ingresses: Ingress[], services = [service('web')]) => routesOf(ingresses, services, 'nginx');

describe('routes of Ingresses', () => {
  it('lead to the address of the Service', () => {
    expect(routes([ingress('a', 'a.example', [path('/')])])).toEqual([
      { host: 'a.example', path: '/', exact: false, upstream: '10.120.0.5:80' },
    ]);
  });

  it('find a port by its name', () => {
    const named = { ...path('/'), backend: { service: { name: 'web', port: { name: 'http' } } } };
    expect(routes([ingress('a', 'a.example', [named])])[0]?.upstream).toBe('10.120.0.5:80');
  });

  it('have no upstream while the Service is missing, headless or without that port', () => {
    const other = { ...path('/port'), backend: { service: { name: 'web', port: { number: 81 } } } };
    const found = routes(
      [ingress('a', 'a.example', [path('/none', 'Prefix', 'none'), path('/headless', 'Prefix', 'headless'), other])],
      [service('web'), service('headless', 'None')],
    );
    expect(found.map(({ upstream }) => upstream)).toEqual([undefined, undefined, undefined]);
  });

  it('never lead into another namespace', () => {
    const foreign = { ...service('web'), metadata: { name: 'web', namespace: 'other' } };
    expect(routes([ingress('a', 'a.example', [path('/')])], [foreign])[0]?.upstream).toBeUndefined();
  });

  it('leave out Ingresses of other classes', () => {
    const other = ingress('a', 'a.example', [path('/')]);
    expect(routes([{ ...other, spec: { ...other.spec, ingressClassName: 'other' } }])).toEqual([]);
  });

  it('stay with the older Ingress when a younger one claims the same host and path', () => {
    const older = ingress('z', 'a.example', [path('/', 'Prefix', 'web')], '2026-01-01T00:00:00Z');
    const younger = ingress('a', 'a.example', [path('/', 'Prefix', 'thief')], '2026-01-02T00:00:00Z');
    expect(routes([younger, older], [service('web'), service('thief', '10.120.0.66')]).map(({ upstream }) => upstream)).toEqual([
      '10.120.0.5:80',
    ]);
  });

  it('catch all hosts without a rule by a rule without a host', () => {
    expect(routes([ingress('a', undefined, [path('/')])])[0]?.host).toBeUndefined();
  });

  it('leave out paths that nginx could read as something else', () => {
    expect(routes([ingress('a', 'a.example', [path('/a;} server {'), path('/$x'), path('/ok')])]).map((route) => route.path)).toEqual([
      '/ok',
    ]);
  });
});
