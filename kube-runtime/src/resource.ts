/**
 * The shapes that every Kubernetes object shares.
 *
 * Objects are plain JSON as the API server sent it: fields this library has never heard of stay where they are. What comes out of a
 * cache is deeply frozen and has lost only `metadata.managedFields`.
 */

/** Points to an object without which this one should not be: the garbage collector deletes what has lost all its owners. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  /** True for the one owner that reconciles the object. The API server allows a single one. */
  readonly controller?: boolean;
  /** Whether a foreground deletion of the owner waits for this object. */
  readonly blockOwnerDeletion?: boolean;
}

/** What every object says of itself. All but `name`, `namespace`, `labels`, `annotations`, `ownerReferences` and `finalizers` is set by the API server. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly generateName?: string;
  /** Of this very object: one that is re-created under the same name has another. */
  readonly uid?: string;
  /** Changes with every write. Ordered for objects of one server; otherwise opaque. */
  readonly resourceVersion?: string;
  /** Counts changes of the spec, as the API server sees them. Absent on kinds without a spec. */
  readonly generation?: number;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  /** RFC 3339; present once deletion was asked for. */
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

/** The least that every object has. Own types extend it, or `Resource`. */
export interface BaseObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** An object of which nothing more is known. */
export interface KubeObject extends BaseObject {
  readonly [field: string]: unknown;
}

/** A custom resource: what is wanted, and what was found. */
export interface Resource<Spec, Status = Readonly<Record<string, unknown>>> extends BaseObject {
  readonly spec: Spec;
  readonly status?: Status;
}

/** The type of the status of a resource; `never` for kinds without one. */
export type StatusOf<T> = T extends { readonly status?: infer Status } ? NonNullable<Status> : never;

/** Which object: the namespace is absent for cluster-scoped kinds. */
export interface ObjectKey {
  readonly name: string;
  readonly namespace?: string | undefined;
}

/** One judgement about an object, as Kubernetes has them everywhere. A list of them has each `type` once; `setCondition` keeps it so. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** One CamelCase word for programs. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
  /** RFC 3339; moves only when `status` does. */
  readonly lastTransitionTime: string;
  /** The generation of the object that this was said about. */
  readonly observedGeneration?: number;
}

type Fields<T> = T extends readonly (infer Item)[]
  ? readonly Fields<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]?: Fields<T[Name]> | undefined }
    : T;

/** The metadata that an author may set. `namespace` is needed for namespaced kinds. */
export interface DesiredMeta {
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly ownerReferences?: readonly OwnerReference[] | undefined;
  readonly finalizers?: readonly string[] | undefined;
}

/**
 * The fields of an object that its author cares about, for server-side apply. A field left out is not touched if others set it, and
 * is removed if an earlier apply of ours set it. Undefined counts as left out.
 */
export type Desired<T extends BaseObject> = Fields<Omit<T, 'apiVersion' | 'kind' | 'metadata' | 'status'>> & {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: DesiredMeta;
};
