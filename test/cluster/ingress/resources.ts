import { kind, type Resource } from 'kube-runtime';

/** The parts of Ingress and Service that decide where a request goes. */
export interface IngressBackend {
  readonly service?: { readonly name: string; readonly port?: { readonly name?: string; readonly number?: number } };
}

export interface IngressPath {
  readonly path?: string;
  readonly pathType: string;
  readonly backend: IngressBackend;
}

export interface IngressSpec {
  readonly ingressClassName?: string;
  readonly defaultBackend?: IngressBackend;
  readonly rules?: readonly { readonly host?: string; readonly http?: { readonly paths: readonly IngressPath[] } }[];
}

export type Ingress = Resource<IngressSpec, { loadBalancer: { ingress: { ip: string }[] } }>;

export type Service = Resource<{
  readonly clusterIP?: string;
  readonly ports?: readonly { readonly name?: string; readonly port: number }[];
}>;

export const ingresses = kind<Ingress>('networking.k8s.io/v1', 'Ingress');
export const services = kind<Service>('v1', 'Service');
