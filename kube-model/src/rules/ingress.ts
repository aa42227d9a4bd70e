import { kind } from 'kube-runtime';
import { at, recordOf, textOf, type Json } from '../objects/json.ts';
import { withoutNothing } from './decoded.ts';
import { required, wrong, type FieldError } from './field-error.ts';
import type { ServedKind } from './served-kind.ts';

export const ingress: ServedKind = {
  kind: kind('networking.k8s.io/v1', 'Ingress'),
  status: true,
  generation: 'spec',
  unconditionalUpdate: true,
  atomic: ['spec.defaultBackend.resource', 'spec.defaultBackend.service.port'],
  bare: { spec: {}, status: { loadBalancer: {} } },
  defaults(draft) {
    const { rules, defaultBackend, ...rest } = withoutNothing(recordOf(draft['spec']));
    draft['spec'] = {
      ...rest,
      ...(defaultBackend !== undefined && { defaultBackend: backendOf(recordOf(defaultBackend)) }),
      ...(rules !== undefined && { rules: itemsOf(rules).map(ruleOf) }),
    };
    draft['status'] = { loadBalancer: {}, ...withoutNothing(recordOf(draft['status'])) };
  },
  validate(object) {
    const { rules, defaultBackend } = recordOf(object['spec']);
    return [
      ...(rules === undefined && defaultBackend === undefined
        ? [wrong('spec', 'either `defaultBackend` or `rules` must be specified')]
        : []),
      ...(defaultBackend === undefined ? [] : checkBackend(recordOf(defaultBackend), 'spec.defaultBackend')),
      ...itemsOf(rules).flatMap((rule, index) => checkRule(rule, `spec.rules[${index}]`)),
    ];
  },
};

const itemsOf = (list: unknown): Json[] => (Array.isArray(list) ? list.map(recordOf) : []);

function ruleOf(rule: Json): Json {
  const http = recordOf(rule['http']);
  const paths = itemsOf(http['paths']).map((path) => ({ ...path, backend: backendOf(recordOf(path['backend'])) }));
  return { ...rule, ...(rule['http'] !== undefined && { http: { ...http, paths } }) };
}

/** A resource of no group says so. */
const backendOf = ({ resource, ...backend }: Json): Json => ({
  ...backend,
  ...(resource !== undefined && { resource: { apiGroup: null, ...recordOf(resource) } }),
});

const isHost = (host: string): boolean => /^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(host) && !/^[\d.]+$/.test(host);

function checkRule({ host, http }: Json, field: string): FieldError[] {
  const paths = itemsOf(at(http, ['paths']));
  return [
    ...(host === undefined || isHost(textOf(host) ?? '') ? [] : [wrong(`${field}.host`, 'must be a DNS name')]),
    ...(http !== undefined && paths.length === 0 ? [required(`${field}.http.paths`)] : []),
    ...paths.flatMap((path, index) => checkPath(path, `${field}.http.paths[${index}]`)),
  ];
}

function checkPath({ path, pathType, backend }: Json, field: string): FieldError[] {
  if (pathType === undefined) return [required(`${field}.pathType`, 'pathType must be specified')];
  const isOptional = pathType === 'ImplementationSpecific' && path === undefined;
  return [
    ...(isOptional || textOf(path)?.startsWith('/') ? [] : [wrong(`${field}.path`, 'must be an absolute path')]),
    ...checkBackend(recordOf(backend), `${field}.backend`),
  ];
}

function checkBackend({ service, resource }: Json, field: string): FieldError[] {
  if (service !== undefined && resource !== undefined) return [wrong(field, 'cannot set both resource and service backends')];
  if (service === undefined) return resource === undefined ? [wrong(field, 'resource or service backend is required')] : [];
  const { name, port } = recordOf(service);
  const { name: portName, number } = recordOf(port);
  return [
    ...(name ? [] : [required(`${field}.service.name`)]),
    ...((portName === undefined) === (number === undefined) ? [wrong(field, 'either port name or port number is required')] : []),
  ];
}
