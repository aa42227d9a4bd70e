import { KubeRuntimeError } from './errors.ts';
import { isRecord } from './json.ts';
import type { BaseObject, KubeObject, ObjectKey } from './resource.ts';

/** Describes one resource of the API: where its objects live, and the type they have. */
export interface Kind<T extends BaseObject = KubeObject> {
  /** `version` of the core group, else `group/version`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /**
   * Field paths of lists that the API server merges by key rather than as a whole (`x-kubernetes-list-type: map`), with the key fields,
   * for example `{ 'spec.listeners': ['name'] }`. Built-in kinds need none.
   */
  readonly listKeys: Readonly<Record<string, readonly string[]>>;
  /**
   * Takes an object from the API server as `T`. The server has checked it against the kind's schema, so only the outermost shape is
   * looked at here; give `kind()` a `parse` to check more.
   */
  readonly accept: (raw: unknown) => T;
}

/** What cannot be told from apiVersion and name. */
export interface KindOptions<T> {
  /** Lower-case plural, as in URLs. Derived by the rules of English when left out. */
  readonly plural?: string;
  /** False for cluster-scoped kinds. Known for built-in kinds, else true. */
  readonly namespaced?: boolean;
  /** See `Kind.listKeys`. */
  readonly listKeys?: Readonly<Record<string, readonly string[]>>;
  /**
   * Called for every object read, and again on what it returned when that comes out of a cache, frozen; what it throws fails that read. May leave
   * out what nobody needs, so that a cache keeps less; not for kinds that are applied, since what is not there seems to differ.
   */
  readonly parse?: (raw: unknown) => T;
}

/**
 * `kind<Tenant>('example.dev/v1', 'Tenant', { namespaced: false })`.
 *
 * @throws KubeRuntimeError `kind_invalid` when apiVersion is not `version` or `group/version`.
 */
export function kind<T extends BaseObject = KubeObject>(apiVersion: string, name: string, options: KindOptions<T> = {}): Kind<T> {
  if (!/^([a-z0-9.-]+\/)?v[a-z0-9]+$/.test(apiVersion)) throw new KubeRuntimeError('kind_invalid', { apiVersion, kind: name });
  return {
    apiVersion,
    kind: name,
    plural: options.plural ?? pluralOf(name),
    namespaced: options.namespaced ?? !clusterScoped.has(name),
    listKeys: options.listKeys ?? {},
    accept: options.parse ?? trustServer,
  };

  /** The one place where JSON becomes a typed object without a full check: its schema was enforced by the API server. */
  function trustServer(raw: unknown): T {
    assertObject(raw);
    return raw as T;
  }
}

function assertObject(raw: unknown): asserts raw is BaseObject {
  if (!isRecord(raw) || !isRecord(raw['metadata'])) throw new KubeRuntimeError('not_an_object', { got: typeof raw });
}

export function pluralOf(name: string): string {
  const word = name.toLowerCase();
  if (word.endsWith('endpoints')) return word;
  if (/(s|x|z|ch|sh)$/.test(word)) return `${word}es`;
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  return `${word}s`;
}

/** URL path of the collection, or of one object, or of a subresource such as `status`. */
export function pathOf(of: Kind<BaseObject>, key: Partial<ObjectKey> = {}, subresource?: string): string {
  const root = of.apiVersion.includes('/') ? `/apis/${of.apiVersion}` : `/api/${of.apiVersion}`;
  const scope = of.namespaced && key.namespace ? `/namespaces/${encodeURIComponent(key.namespace)}` : '';
  const object = key.name ? `/${encodeURIComponent(key.name)}` : '';
  return `${root}${scope}/${of.plural}${object}${subresource ? `/${subresource}` : ''}`;
}

/** `namespace/name`, or the bare name of a cluster-scoped object. */
export const keyOf = ({ name, namespace }: ObjectKey): string => (namespace ? `${namespace}/${name}` : name);

/** The inverse of `keyOf`. Any text is a key: what stands before the first slash is the namespace. */
export function parseKey(key: string): ObjectKey {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

const clusterScoped: ReadonlySet<string> = new Set([
  'APIService',
  'CertificateSigningRequest',
  'ClusterRole',
  'ClusterRoleBinding',
  'CSIDriver',
  'CSINode',
  'CustomResourceDefinition',
  'FlowSchema',
  'IngressClass',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
  'MutatingWebhookConfiguration',
  'Namespace',
  'Node',
  'PersistentVolume',
  'PriorityClass',
  'PriorityLevelConfiguration',
  'RuntimeClass',
  'SelfSubjectAccessReview',
  'SelfSubjectReview',
  'SelfSubjectRulesReview',
  'StorageClass',
  'SubjectAccessReview',
  'TokenReview',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
  'VolumeAttachment',
]);
